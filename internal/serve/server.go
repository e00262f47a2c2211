package serve

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"sync/atomic"
	"time"

	"pixelcnn/sampler"
)

// Server answers requests. It is an [http.Handler].
type Server struct {
	cfg      Config
	keys     [][sha256.Size]byte
	metrics  *metrics
	queue    *queue
	handler  http.Handler
	models   atomic.Pointer[[]*Model] // nil while they are loaded
	stopping atomic.Bool
}

// New makes a server, which has no models yet: until [Server.Ready] it says that they are being
// loaded. It has to be closed.
func New(cfg Config) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, metrics: newMetrics()}
	for _, key := range cfg.Keys {
		s.keys = append(s.keys, sha256.Sum256([]byte(key)))
	}
	s.queue = newQueue(cfg, s.metrics)
	s.metrics.watch(s.queue)
	s.handler = s.routes()
	return s, nil
}

var modelName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`) // of up to 64 characters

// Ready gives the server its models, the first of which is the one for requests that name
// none. They must stay open until the server is closed. It may be called once.
func (s *Server) Ready(models ...Model) error {
	if len(models) == 0 {
		return fmt.Errorf("%w: there is no model", ErrConfig)
	}
	var list []*Model
	names := map[string]bool{}
	for _, m := range models {
		switch {
		case len(m.Name) > 64 || !modelName.MatchString(m.Name):
			return fmt.Errorf("%w: the name of a model is %q, must be letters, digits, dots, dashes and underscores, 64 at most", ErrConfig, m.Name)
		case names[m.Name]:
			return fmt.Errorf("%w: two models are named %q", ErrConfig, m.Name)
		case m.Sampler == nil:
			return fmt.Errorf("%w: model %q is not open", ErrConfig, m.Name)
		}
		names[m.Name] = true
		list = append(list, &m)
	}
	if !s.models.CompareAndSwap(nil, &list) {
		return fmt.Errorf("%w: it has its models already", ErrConfig)
	}
	return nil
}

// Warm draws an image of a model, so that the first client does not wait for what is prepared
// at the first use.
func Warm(ctx context.Context, m Model) error {
	req := sampler.Request{N: 1, Conditions: m.Conditions}
	if sig := m.Signature(); sig.ClassInput != "" && len(sig.Classes) == 0 {
		req.Classes = []int{0} // it does not tell how many there are
	}
	if err := m.Check(req); err != nil {
		return err
	}
	_, err := m.Together(ctx, []sampler.Request{req})
	return err
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Serve answers requests at a listener until ctx ends. Then it takes no more, has what was
// accepted Config.Grace to finish, and closes the server.
func (s *Server) Serve(ctx context.Context, l net.Listener, certificate, key string) error {
	h := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          newErrorLog(s.cfg.Log),
	}
	failed := make(chan error, 1)
	go func() {
		if certificate != "" {
			failed <- h.ServeTLS(l, certificate, key)
			return
		}
		failed <- h.Serve(l)
	}()
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
		s.stopping.Store(true)
		s.cfg.Log.Info("stopping", "grace", s.cfg.Grace.String())
		grace, cancel := context.WithTimeout(context.Background(), s.cfg.Grace)
		if err = h.Shutdown(grace); errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("serve: what was accepted did not finish within %v and was cut short", s.cfg.Grace)
		}
		cancel()
	}
	err = errors.Join(err, h.Close())
	s.Close()
	return err
}

// Close ends the server's threads once they have done what is under way.
func (s *Server) Close() {
	s.stopping.Store(true)
	s.queue.close()
}
