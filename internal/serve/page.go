package serve

import (
	_ "embed"
	"net/http"

	"pixelcnn/internal/page"
)

//go:embed openapi.json
var openAPI []byte

// model.mjs is what draws on the page.
//
//go:embed page/model.mjs
var modelScript []byte

// pageRoutes are the files of the page. The page may load what comes from this server, and
// nothing else.
func pageRoutes() []route {
	files := http.FileServerFS(page.Files)
	head := func(w http.ResponseWriter) {
		w.Header().Set("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		w.Header().Set("Cache-Control", "no-cache")
	}
	file := func(w http.ResponseWriter, r *http.Request) error {
		head(w)
		files.ServeHTTP(w, r)
		return nil
	}
	return []route{
		{"GET", "/{$}", true, file},
		{"GET", "/page.mjs", true, file},
		{"GET", "/style.css", true, file},
		{"GET", "/icon.svg", true, file},
		{"GET", "/model.mjs", true, func(w http.ResponseWriter, _ *http.Request) error {
			head(w)
			w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
			_, _ = w.Write(modelScript)
			return nil
		}},
	}
}
