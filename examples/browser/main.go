// Command browser assembles a page that draws in the browser: static files, for any web
// server.
//
//	go run ./examples/browser -o out/browser -serve localhost:8000
//
// The page (page) runs the models, each as a one-file sampler, with
// onnxruntime-web in WebAssembly, which npm fetches.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net/http"
	"time"

	"pixelcnn/models/pretrained"
)

func main() {
	log.SetFlags(0)
	dir := flag.String("o", "out/browser", "folder for the page")
	serve := flag.String("serve", "", "address, as localhost:8000, to serve it at")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "browser [flags] [model.onnx …]\n\nWith no model it is those that come with this project.")
		flag.PrintDefaults()
	}
	flag.Parse()
	if err := run(*dir, *serve, flag.Args()); err != nil {
		log.Fatal("browser: ", err)
	}
}

func run(dir, serve string, names []string) error {
	if len(names) == 0 {
		names = pretrained.Names()
	}
	models, order, err := load(names)
	if err != nil {
		return err
	}
	web, err := webRuntime(context.Background())
	if err != nil {
		return err
	}
	if err := assemble(dir, web, models, order); err != nil {
		return err
	}
	if serve == "" {
		fmt.Printf("%s: the page; serve the folder with any web server, as with -serve localhost:8000\n", dir)
		return nil
	}
	fmt.Printf("http://%s\n", serve)
	s := &http.Server{Addr: serve, Handler: http.FileServer(http.Dir(dir)), ReadHeaderTimeout: 10 * time.Second}
	return s.ListenAndServe()
}
