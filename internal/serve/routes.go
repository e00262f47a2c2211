package serve

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"log"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// route is a path of the API. open ones need no key.
type route struct {
	method, path string
	open         bool
	handle       func(http.ResponseWriter, *http.Request) error
}

func (s *Server) routes() http.Handler {
	routes := []route{
		{"GET", "/v1/models", false, s.listModels},
		{"GET", "/v1/models/{id}", false, s.getModel},
		{"POST", "/v1/images/generations", false, s.generate},
		{"POST", "/v1/images/edits", false, s.edit},
		{"POST", "/v1/score", false, s.score},
		{"GET", "/metrics", false, s.metrics.write},
		{"GET", "/healthz", true, func(w http.ResponseWriter, _ *http.Request) error {
			answer(w, http.StatusOK, map[string]string{"status": "ok"})
			return nil
		}},
		{"GET", "/readyz", true, func(w http.ResponseWriter, _ *http.Request) error {
			if err := s.accepts(); err != nil {
				return err
			}
			answer(w, http.StatusOK, map[string]string{"status": "ready"})
			return nil
		}},
		{"GET", "/openapi.json", true, func(w http.ResponseWriter, _ *http.Request) error {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(openAPI)
			return nil
		}},
	}
	routes = append(routes, pageRoutes()...)
	mux := http.NewServeMux()
	methods := map[string][]string{}
	for _, r := range routes {
		mux.HandleFunc(r.method+" "+r.path, s.serve(r))
		methods[r.path] = append(methods[r.path], r.method)
	}
	for path, allowed := range methods { // any other method
		mux.HandleFunc(path, s.serve(route{"", "other", true, func(w http.ResponseWriter, r *http.Request) error {
			w.Header().Set("Allow", strings.Join(allowed, ", "))
			return newError(http.StatusMethodNotAllowed, invalidRequest, "", "method_not_allowed", "%s takes %s", r.URL.Path, strings.Join(allowed, ", "))
		}}))
	}
	mux.HandleFunc("/", s.serve(route{"", "other", true, func(_ http.ResponseWriter, r *http.Request) error {
		return newError(http.StatusNotFound, invalidRequest, "", "unknown_url", "there is nothing at %q", r.URL.Path)
	}}))
	return mux
}

// accepts tells whether requests for images are taken, as the error that says why not.
func (s *Server) accepts() error {
	switch {
	case s.stopping.Load():
		return draining()
	case s.models.Load() == nil:
		return notReady()
	}
	return nil
}

// serve handles a route: whatever its handler does, the request is counted and logged.
func (s *Server) serve(route route) http.HandlerFunc {
	foreign := http.NewCrossOriginProtection()
	for _, origin := range s.cfg.Origins {
		_ = foreign.AddTrustedOrigin(origin) // checked with the settings
	}
	return func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		answer := &recorder{ResponseWriter: w, status: http.StatusOK}
		id := requestID(r)
		h := w.Header()
		h.Set("X-Request-Id", id)
		h.Set("X-Content-Type-Options", "nosniff")
		note := &note{}
		err := s.admit(route, foreign, answer, r)
		if err == nil && !answer.written {
			r.Body = http.MaxBytesReader(w, r.Body, s.cfg.MaxBody)
			ctx, cancel := context.WithTimeout(context.WithValue(r.Context(), noteKey{}, note), s.cfg.Timeout)
			err = route.handle(answer, r.WithContext(ctx))
			cancel()
		}
		if err != nil && !answer.written {
			refuse(answer, err)
		}
		took := time.Since(began)
		s.metrics.request(route.path, answer.status, took)
		log := []any{
			"id", id, "method", r.Method, "path", r.URL.Path, "status", answer.status, "bytes", answer.bytes,
			"ms", float64(took.Microseconds()) / 1000, "remote", host(r),
		}
		if note.model != "" {
			log = append(log, "model", note.model, "images", note.images)
		}
		if err != nil {
			log = append(log, "error", err.Error())
		}
		s.cfg.Log.Info("request", log...)
	}
}

// admit lets a request in, or says why not. It answers what a browser asks beforehand.
func (s *Server) admit(route route, foreign *http.CrossOriginProtection, w http.ResponseWriter, r *http.Request) error {
	if origin := r.Header.Get("Origin"); slices.Contains(s.cfg.Origins, origin) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", origin)
		h.Add("Vary", "Origin")
		h.Set("Access-Control-Expose-Headers", "X-Request-Id, Retry-After")
		if r.Method == http.MethodOptions {
			h.Set("Access-Control-Allow-Methods", "GET, POST")
			h.Set("Access-Control-Allow-Headers", cleanHeaders(r.Header.Get("Access-Control-Request-Headers")))
			h.Set("Access-Control-Max-Age", "600")
			w.WriteHeader(http.StatusNoContent)
			return nil
		}
	}
	switch {
	case route.open:
		return nil
	case !s.known(r):
		return newError(http.StatusUnauthorized, invalidRequest, "", "invalid_api_key", "the key is missing or not one of the server's")
	case foreign.Check(r) != nil:
		return newError(http.StatusForbidden, invalidRequest, "", "cross_origin", "pages from elsewhere may not use this server")
	}
	return nil
}

// Counted repetitions would take milliseconds to compile, in every command's start.
var headerList = regexp.MustCompile(`^[A-Za-z0-9, -]*$`)

// cleanHeaders is a list of headers that a browser asks for, if it is one.
func cleanHeaders(list string) string {
	if len(list) <= 512 && headerList.MatchString(list) {
		return list
	}
	return ""
}

// known tells whether a request has one of the keys, in a time that does not tell how much of
// one it has.
func (s *Server) known(r *http.Request) bool {
	if len(s.keys) == 0 {
		return true
	}
	key, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	sum := sha256.Sum256([]byte(key))
	found := 0
	for _, k := range s.keys {
		found |= subtle.ConstantTimeCompare(sum[:], k[:])
	}
	return found == 1
}

// whose is the name under which requests take turns: that of the key, or of the machine.
func (s *Server) whose(r *http.Request) string {
	if len(s.keys) > 0 {
		return r.Header.Get("Authorization")
	}
	return host(r)
}

func host(r *http.Request) string {
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		return host
	}
	return r.RemoteAddr
}

var goodID = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

// requestID is that of the client, or a new one.
func requestID(r *http.Request) string {
	if id := r.Header.Get("X-Request-Id"); len(id) <= 64 && goodID.MatchString(id) {
		return id
	}
	return "req_" + rand.Text()
}

// note is what a handler tells the log.
type note struct {
	model  string
	images int
}

type noteKey struct{}

func noted(ctx context.Context, model string, images int) {
	if n, ok := ctx.Value(noteKey{}).(*note); ok {
		n.model, n.images = model, images
	}
}

// recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	status  int
	bytes   int64
	written bool
}

func (r *recorder) WriteHeader(status int) {
	if !r.written {
		r.status, r.written = status, true
	}
	r.ResponseWriter.WriteHeader(status)
}

// patience is how long a client may take to read what is written at once.
const patience = 30 * time.Second

func (r *recorder) Write(b []byte) (int, error) {
	r.written = true
	_ = http.NewResponseController(r.ResponseWriter).SetWriteDeadline(time.Now().Add(patience))
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err
}

// Unwrap is for [http.ResponseController].
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// newErrorLog takes what net/http has to say, of clients that go away and the like.
func newErrorLog(to *slog.Logger) *log.Logger {
	return slog.NewLogLogger(to.Handler(), slog.LevelDebug)
}
