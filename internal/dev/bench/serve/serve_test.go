package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"pixelcnn/internal/serve"
	"pixelcnn/models/pretrained"
	"pixelcnn/runtime"
	"pixelcnn/sampler"
)

var (
	measure = flag.Bool("measure", false, "compare the server with the library")
	rounds  = flag.Int("rounds", 7, "how often to measure in turn")
	each    = flag.Int("each", 40, "images that each asks for, in a round")
	clients = flag.Int("clients", 64, "clients at once")
	name    = flag.String("model", "gated", "the model inside the program to draw from")
)

// place is a server on this machine, and the library that it is compared with.
type place struct {
	t   *testing.T
	lib *sampler.Sampler
	url string
	web *http.Client
}

func start(t *testing.T, cfg serve.Config) *place {
	t.Helper()
	rt, err := runtime.OpenAny(runtime.Auto, runtime.Config{})
	if err != nil {
		t.Fatal(err)
	}
	file, err := pretrained.Read(*name)
	if err != nil {
		t.Fatal(err)
	}
	open := func(cfg sampler.Config) *sampler.Sampler {
		s, err := sampler.Open(rt, file, cfg)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	lib, served := open(sampler.Config{}), open(sampler.Config{Threads: serve.Threads, Idle: serve.Idle})
	s, err := serve.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(serve.Warm(context.Background(), served), s.Ready(serve.Model{Name: *name, Sampler: served})); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l, "", "") }()
	transport := &http.Transport{MaxIdleConnsPerHost: 1024}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		stop()
		if err := errors.Join(<-ended, lib.Close(), served.Close(), rt.Close()); err != nil {
			t.Error(err)
		}
	})
	return &place{t, lib, "http://" + l.Addr().String(), &http.Client{Transport: transport}}
}

// ask asks for n images of a seed, and tells the status.
func (p *place) ask(ctx context.Context, seed uint64, n int) (int, error) {
	body, err := json.Marshal(map[string]any{"n": n, "seed": seed, "prompt": "sneaker"})
	if err != nil {
		return 0, err
	}
	req, err := http.NewRequestWithContext(ctx, "POST", p.url+"/v1/images/generations", bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := p.web.Do(req)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode, errors.Join(err, res.Body.Close())
}

func (p *place) must(seed uint64, n int) {
	if status, err := p.ask(context.Background(), seed, n); err != nil || status != http.StatusOK {
		p.t.Errorf("status %d, error %v", status, err)
	}
}

// draw has the library draw n images, which is what the command does.
func (p *place) draw(n int) {
	levels := make([]uint16, n*p.lib.Signature().Pixels())
	if err := p.lib.Draw(context.Background(), sampler.Request{N: n, Classes: []int{7}}, levels); err != nil {
		p.t.Error(err)
	}
}

// served is images a second of so many clients, each of which asks for one after the other.
func (p *place) served(clients, each int) float64 {
	var group sync.WaitGroup
	began := time.Now()
	for c := range clients {
		group.Go(func() {
			for i := range each {
				p.must(uint64(c*each+i), 1)
			}
		})
	}
	group.Wait()
	return float64(clients*each) / time.Since(began).Seconds()
}

// metric is what the server tells of itself.
func (p *place) metric(name string) float64 {
	res, err := p.web.Get(p.url + "/metrics")
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(body), "\n"+name+" ")
	var x float64
	if _, err := fmt.Sscan(after, &x); err != nil {
		p.t.Fatalf("metric %s: %v", name, err)
	}
	return x
}

// processor is the seconds of processor time that this process has had.
func processor(t *testing.T) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return float64(u.Utime.Sec+u.Stime.Sec) + float64(u.Utime.Usec+u.Stime.Usec)/1e6
}

func median(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}

// TestThroughput measures in turn: so many clients that ask for one image each, and the library
// drawing as many images together, as the command does.
func TestThroughput(t *testing.T) {
	if !*measure {
		t.Skip("measured by make bench-serve")
	}
	p := start(t, serve.Config{})
	each := *each
	n := *clients * each
	p.served(*clients, 5)
	p.draw(n)
	var web, lib, ratio, work []float64
	for range *rounds {
		began, busy := time.Now(), processor(t)
		p.draw(n)
		l, lBusy := float64(n)/time.Since(began).Seconds(), processor(t)
		w := p.served(*clients, each)
		web, lib, ratio, work = append(web, w), append(lib, l), append(ratio, w/l), append(work, (lBusy-busy)/(processor(t)-lBusy))
	}
	t.Logf("batches of %.1f images on average", p.metric("pixelcnn_batch_images_sum")/p.metric("pixelcnn_batch_images_count"))
	t.Logf("%s, %d clients: %.0f images/s; the library %.0f; median ratio %.2f (%.2f), by processor time, that of the clients included, %.2f (%.2f)",
		*name, *clients, median(web), median(lib), median(ratio), ratio, median(work), work)
}

// TestLatency measures in turn: a lone request for one image, and the library drawing one.
func TestLatency(t *testing.T) {
	if !*measure {
		t.Skip("measured by make bench-serve")
	}
	p := start(t, serve.Config{})
	var web, lib []float64
	for i := range 1000 {
		began := time.Now()
		p.draw(1)
		drawn := time.Now()
		p.must(uint64(i), 1)
		lib, web = append(lib, drawn.Sub(began).Seconds()*1e3), append(web, time.Since(drawn).Seconds()*1e3)
	}
	l, w := median(lib), median(web)
	t.Logf("%s: a lone request %.3f ms (p90 %.3f), the library %.3f ms (p90 %.3f): ratio %.2f", *name, w, web[900], l, lib[900], w/l)
}

// TestOverload asks for ten times what there is capacity for. What is refused is refused with
// 429, and what is accepted does not wait long.
func TestOverload(t *testing.T) {
	if !*measure {
		t.Skip("measured by make bench-serve")
	}
	p := start(t, serve.Config{})
	capacity := p.served(*clients, 40)
	every := time.Duration(float64(time.Second) / (10 * capacity))
	var mu sync.Mutex
	var group sync.WaitGroup
	count := map[int]int{}
	var accepted []float64
	began := time.Now()
	sent := 0
	flight := make(chan struct{}, 2000) // a client has only so many connections
	for ; time.Since(began) < 10*time.Second; sent++ {
		if wait := time.Duration(sent)*every - time.Since(began); wait > 0 {
			time.Sleep(wait)
		}
		flight <- struct{}{}
		group.Go(func() {
			defer func() { <-flight }()
			at := time.Now()
			status, err := p.ask(context.Background(), uint64(sent), 1)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			count[status]++
			if status == http.StatusOK {
				accepted = append(accepted, time.Since(at).Seconds()*1e3)
			}
		})
	}
	took := time.Since(began)
	group.Wait()
	for status := range count {
		if status != http.StatusOK && status != http.StatusTooManyRequests {
			t.Errorf("status %d", status)
		}
	}
	if len(accepted) == 0 {
		t.Fatal("nothing was accepted")
	}
	slices.Sort(accepted)
	at := func(q float64) float64 {
		return accepted[int(math.Min(q*float64(len(accepted)), float64(len(accepted)-1)))]
	}
	t.Logf("capacity %.0f/s; %.0f/s were sent, by status %v; of the accepted, ms: median %.0f, p99 %.0f, longest %.0f",
		capacity, float64(sent)/took.Seconds(), fmt.Sprint(count), at(0.5), at(0.99), at(1))
}
