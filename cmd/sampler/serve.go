//go:build !js

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/internal/serve"
	"pixelcnn/models/pretrained"
	"pixelcnn/runtime"
	"pixelcnn/sampler"
)

// serveFlags are serve's own.
type serveFlags struct {
	open
	models    []string
	opened    []served // the models, once the flags are read
	listen    string
	keyFile   string
	insecure  bool
	cert, key string
	serve.Config
}

// newServe answers requests for images over HTTP.
func newServe() *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Draw images for clients of OpenAI's Images API",
		Long: `Serve models over HTTP, in the form of OpenAI's Images API, so that the clients
that speak it work unchanged; docs/serving.md is the guide. At / is a page that
draws, and at /openapi.json what can be asked for.

The flags that say how a model is read are for one --model. Where there are more,
sampler annotate writes them into a file.

Without --api-key-file only this machine is served. An interrupt or SIGTERM
ends the server once what it has accepted is done.`,
		Example: `  sampler serve
  sampler serve --model mine=pixelcnn.onnx --model @gated
  sampler serve --listen :8080 --api-key-file keys.txt --tls-cert cert.pem --tls-key key.pem`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	flags := cmd.Flags()
	under(flags, "Models", func(flags *pflag.FlagSet) {
		flags.StringArrayVar(&f.models, "model", nil, "`NAME=FILE` of a model, or the file alone, or one of those inside the program, "+
			strings.Join(inside(), ", ")+"; can be repeated, and the first is the one of requests that name none (default those inside the program)")
		f.addReading(flags)
		flags.Lookup("condition").Usage = "`[MODEL:][NAME=]FILE.npy` for a further input of a model: one row for all images, or one for each (repeatable)"
	})
	under(flags, "Listening", func(flags *pflag.FlagSet) {
		flags.StringVar(&f.listen, "listen", "127.0.0.1:8080", "`ADDRESS` to listen at; port 0 takes a free one")
		flags.StringVar(&f.keyFile, "api-key-file", "", "`FILE` with keys, one a line, of which clients must send one")
		flags.BoolVar(&f.insecure, "insecure", false, "listen where other machines are, without keys")
		flags.StringVar(&f.cert, "tls-cert", "", "`FILE` with the certificate for HTTPS, PEM")
		flags.StringVar(&f.key, "tls-key", "", "`FILE` with its key")
		flags.StringArrayVar(&f.Origins, "cors", nil, "`ORIGIN` whose pages may use the server, as https://example.org; can be repeated")
	})
	under(flags, "Limits", func(flags *pflag.FlagSet) {
		flags.IntVar(&f.MaxImages, "max-images", 1000, "the most images of a request")
		flags.IntVar(&f.MaxPixels, "max-pixels", 1<<22, "the most pixels of a request's images, those of pictures sent, of candidates and of enlarged images included")
		flags.Int64Var(&f.MaxBody, "max-body", 16<<20, "the most `BYTES` of a request")
		flags.IntVar(&f.Queue, "queue", 256, "the most requests at once; more get status 429")
		flags.DurationVar(&f.Timeout, "timeout", time.Minute, "how long a request may take")
		flags.DurationVar(&f.Grace, "grace", 30*time.Second, "how long what was accepted may take once the server is to stop")
	})
	under(flags, "Running", func(flags *pflag.FlagSet) {
		f.addEngine(flags)
		f.addRuntime(flags)
		flags.IntVar(&f.Batch, "batch", 64, "the most images drawn together")
		flags.DurationVar(&f.Window, "window", time.Millisecond, "how long a batch waits for more while others are being drawn")
	})
	groupHelp(cmd)
	for flag, values := range map[string][]string{"engine": engines, "runtime": runtimes} {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
	completeModel(cmd)
	return cmd
}

func (f *serveFlags) check() error {
	for _, limit := range []struct {
		flag  string
		value int64
	}{
		{"max-images", int64(f.MaxImages)},
		{"max-pixels", int64(f.MaxPixels)},
		{"max-body", f.MaxBody},
		{"queue", int64(f.Queue)},
		{"batch", int64(f.Batch)},
		{"timeout", int64(f.Timeout)},
		{"grace", int64(f.Grace)},
	} {
		if limit.value < 1 {
			return cli.Usagef("--%s must be positive", limit.flag)
		}
	}
	switch {
	case f.Window < 0:
		return cli.Usagef("--window is %v, must not be negative", f.Window)
	case (f.cert == "") != (f.key == ""):
		return cli.Usagef("--tls-cert and --tls-key need each other")
	case f.keyFile == "" && !f.insecure && !serve.Loopback(f.listen):
		return cli.Usagef("--listen %s is for other machines, too: name --api-key-file, or say --insecure", f.listen)
	}
	if f.Window == 0 {
		f.Window = -1 // for a Config, 0 is the default
	}
	return nil
}

// keys reads the keys, one a line; those that begin with # and empty ones mean nothing.
func (f *serveFlags) keys() ([]string, error) {
	if f.keyFile == "" {
		return nil, nil
	}
	file, err := os.Open(f.keyFile)
	if err != nil {
		return nil, fmt.Errorf("--api-key-file: %w", err)
	}
	defer file.Close()
	var keys []string
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if key := strings.TrimSpace(lines.Text()); key != "" && !strings.HasPrefix(key, "#") {
			keys = append(keys, key)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("--api-key-file: %w", err)
	}
	if keys == nil {
		return nil, fmt.Errorf("--api-key-file: %s has no key", cli.Name(f.keyFile))
	}
	return keys, nil
}

// served is a model that is to be served.
type served struct {
	name string
	modelFlags
	cfg sampler.Config
}

// list makes of the flags the models and how each is read.
func (f *serveFlags) list(cmd *cobra.Command) (err error) {
	if len(f.models) == 0 {
		f.models = inside()
	}
	several := len(f.models) > 1
	var reading pflag.FlagSet
	new(modelFlags).addReading(&reading)
	reading.VisitAll(func(flag *pflag.Flag) {
		if several && flag.Name != "condition" && cmd.Flags().Changed(flag.Name) {
			err = cli.Usagef("--%s says how one --model is read, and there are %d: write it into the file, with sampler annotate", flag.Name, len(f.models))
		}
	})
	if err != nil {
		return err
	}
	all := f.conditions
	for _, text := range f.models {
		m := f.open
		var name string
		name, m.model = named(text)
		m.conditions = nil
		var others []string
		for _, c := range all {
			if own, its := strings.CutPrefix(c, name+":"); its || !several {
				m.conditions = append(m.conditions, own)
			} else {
				others = append(others, c)
			}
		}
		all = others
		cfg, err := m.config()
		if err != nil {
			return err
		}
		cfg.Threads, cfg.Idle = serve.Threads, serve.Idle
		f.opened = append(f.opened, served{name, m.modelFlags, cfg})
	}
	if len(all) > 0 {
		return cli.Usagef("--condition %s is for none of the models: begin it with the name of one, as %s:%[1]s", all[0], f.opened[0].name)
	}
	return nil
}

func (f *serveFlags) run(cmd *cobra.Command) error {
	err := f.check()
	if err != nil {
		return err
	}
	if err := f.list(cmd); err != nil {
		return err
	}
	if f.Keys, err = f.keys(); err != nil {
		return err
	}
	f.Threads = f.threads
	f.Log = slog.New(slog.NewJSONHandler(cmd.ErrOrStderr(), nil))
	server, err := serve.New(f.Config)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", f.listen)
	if err != nil {
		server.Close()
		return fmt.Errorf("--listen: %w", err)
	}
	cli.Finishes(cmd.Context())
	ctx, stop := context.WithCancel(cmd.Context())
	defer stop()
	scheme := "http"
	if f.cert != "" {
		scheme = "https"
	}
	f.Log.Info("listening", "url", fmt.Sprintf("%s://%s", scheme, listener.Addr()))
	loaded := make(chan error, 1)
	var closeAll func()
	go func() {
		var err error
		if closeAll, err = f.load(ctx, server); err != nil {
			stop()
		}
		loaded <- err
	}()
	err = server.Serve(ctx, listener, f.cert, f.key)
	if e := <-loaded; !errors.Is(e, context.Canceled) {
		err = errors.Join(e, err)
	}
	closeAll()
	return err
}

// load opens the models and gives them to the server. closeAll frees what it has opened,
// whatever the error.
func (f *serveFlags) load(ctx context.Context, server *serve.Server) (closeAll func(), err error) {
	began := time.Now()
	closers := []func() error{}
	closeAll = func() {
		for _, c := range slices.Backward(closers) {
			_ = c()
		}
	}
	rt, err := runtime.OpenAny(runtime.Kind(f.runtime), runtime.Config{Lib: f.ortLib})
	if err != nil {
		return closeAll, err
	}
	closers = append(closers, rt.Close)
	var models []serve.Model
	for _, m := range f.opened {
		read, err := m.load(m.cfg)
		if err != nil {
			return closeAll, err
		}
		s, err := read.Open(rt)
		if err != nil {
			return closeAll, fmt.Errorf("%s: %w", m.model, err)
		}
		closers = append(closers, s.Close)
		model := serve.Model{Name: m.name, Sampler: s, Conditions: m.given}
		if info, err := os.Stat(m.model); err == nil {
			model.Created = info.ModTime()
		}
		if err := serve.Warm(ctx, model); err != nil {
			return closeAll, fmt.Errorf("%s: %w", m.model, err)
		}
		engine, why := s.Engine()
		record := []any{"model", m.name, "engine", engine}
		if why != nil {
			record = append(record, "why", why.Error())
		}
		f.Log.Info("loaded", record...)
		for _, a := range read.Assumed() {
			f.Log.Warn("assumed", "model", m.name, "part", a.Part, "value", a.Value, "why", a.Why, "flag", a.Flag)
		}
		models = append(models, model)
	}
	if err := server.Ready(models...); err != nil {
		return closeAll, err
	}
	f.Log.Info("ready", "models", len(models), "seconds", time.Since(began).Seconds())
	return closeAll, nil
}

// named is the name of a model, and what it is read from.
func named(text string) (name, file string) {
	if name, ok := strings.CutPrefix(text, "@"); ok && slices.Contains(pretrained.Names(), name) {
		return name, text
	}
	if name, file, ok := strings.Cut(text, "="); ok && !strings.ContainsAny(name, `/\`) {
		return name, file
	}
	return strings.TrimSuffix(filepath.Base(text), filepath.Ext(text)), text
}

// listening are the commands that listen for others, which a program in a browser cannot.
func listening() []*cobra.Command { return []*cobra.Command{newServe()} }
