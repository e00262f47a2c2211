package serve

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"pixelcnn/sampler"
)

// TestDrain: a server that is told to stop under load answers all that it has accepted, and
// leaves nothing behind.
func TestDrain(t *testing.T) {
	var log lines
	s, err := New(Config{Log: slog.New(slog.NewJSONHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Ready(Model{Name: "gated", Sampler: opened(t, "gated", sampler.Config{Threads: Threads, Idle: Idle})}); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l, "", "") }()
	web := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}}
	var answered, drawn atomic.Int64
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			for {
				res, err := web.Post("http://"+l.Addr().String()+"/v1/images/generations", "application/json", strings.NewReader(`{"n":3}`))
				if err != nil {
					return // nobody listens any more
				}
				b, err := io.ReadAll(res.Body)
				res.Body.Close()
				if err != nil {
					t.Error("an answer ends early:", err)
				}
				answered.Add(1)
				switch res.StatusCode {
				case http.StatusOK:
					read(t, res.StatusCode, b)
					if drawn.Add(1) == 40 {
						stop()
					}
				case http.StatusServiceUnavailable:
				default:
					t.Errorf("status %d", res.StatusCode)
				}
			}
		})
	}
	group.Wait()
	web.CloseIdleConnections()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	accepted := 0
	for _, line := range log.all() {
		var record struct {
			Msg, ID, Path string
			Status        int
			Images        int
		}
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if record.Msg == "request" {
			if accepted++; record.ID == "" || record.Path == "" || record.Status == 200 && record.Images != 3 {
				t.Errorf("the log says %s", line)
			}
		}
	}
	if int64(accepted) != answered.Load() || drawn.Load() < 40 {
		t.Errorf("%d requests were accepted, %d answered, %d with images", accepted, answered.Load(), drawn.Load())
	}
}

// lines gathers what is written, for one writer at a time.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Split(strings.TrimSpace(l.text.String()), "\n")
}
