package serve

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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
	each    = flag.Duration("each", 2*time.Second, "how long each round asks")
	clients = flag.Int("clients", 64, "clients at once")
	name    = flag.String("model", "gated", "the model inside the program to draw from")
)

// place is a server on this machine, and the library that it is compared with.
type place struct {
	t   *testing.T
	lib *sampler.Sampler
	one *sampler.Sampler // the server's, which draws on one processor
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
	model := serve.Model{Name: *name, Sampler: served}
	if err := errors.Join(serve.Warm(context.Background(), model), s.Ready(model)); err != nil {
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
	return &place{t, lib, served, "http://" + l.Addr().String(), &http.Client{Transport: transport}}
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

// draw has the library draw n images, which is what the command does.
func (p *place) draw(n int) {
	p.drawWith(p.lib, n)
}

func (p *place) drawWith(s *sampler.Sampler, n int) {
	levels := make([]uint16, n*s.Signature().Pixels())
	if err := s.Draw(context.Background(), sampler.Request{N: n, Classes: []int{7}}, levels); err != nil {
		p.t.Error(err)
	}
}

// client asks for one image after the other, until it is told that it is enough, on one connection and
// with as little work as can be.
func (p *place) client(seed uint64, answered func() (enough bool)) {
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		p.t.Error(err)
		return
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	for ; ; seed++ {
		body := fmt.Sprintf(`{"seed":%d,"prompt":"sneaker"}`, seed)
		if _, err := fmt.Fprintf(conn, "POST /v1/images/generations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body); err != nil {
			p.t.Error(err)
			return
		}
		res, err := http.ReadResponse(in, nil)
		if err == nil {
			_, err = io.Copy(io.Discard, res.Body)
		}
		if err != nil || res.StatusCode != http.StatusOK {
			p.t.Errorf("%v, error %v", res, err)
			return
		}
		if answered() {
			return
		}
	}
}

// served is images a second of so many clients, each of which asks for one after the other for so
// long.
func (p *place) served(clients int, long time.Duration) float64 {
	var group sync.WaitGroup
	var done atomic.Int64
	began := time.Now()
	for c := range clients {
		group.Go(func() {
			p.client(uint64(c)<<32, func() bool {
				if time.Since(began) > long {
					return true
				}
				done.Add(1)
				return false
			})
		})
	}
	group.Wait()
	return float64(done.Load()) / long.Seconds()
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
	x = slices.Sorted(slices.Values(x))
	return x[len(x)/2]
}

// drawn is images a second of the library, so many together, for so long.
func (p *place) drawn(together int, long time.Duration) float64 {
	began := time.Now()
	n := 0
	for ; time.Since(began) < long; n += together {
		p.draw(together)
	}
	return float64(n) / time.Since(began).Seconds()
}

// TestThroughput measures in turn: so many clients that ask for one image each; the library
// drawing many images together, which is the command's greatest throughput; and the library drawing
// as many as there are clients together.
func TestThroughput(t *testing.T) {
	if !*measure {
		t.Skip("measured by make bench-serve")
	}
	p := start(t, serve.Config{})
	const many = 1280
	ways := []func() float64{
		func() float64 { return p.served(*clients, *each) },
		func() float64 { return p.drawn(many, *each) },
		func() float64 { return p.drawn(*clients, *each) },
	}
	for _, way := range ways { // makes what is kept
		way()
	}
	images, batches := p.metric("pixelcnn_batch_images_sum"), p.metric("pixelcnn_batch_images_count")
	rates, work := make([][]float64, len(ways)), make([][]float64, len(ways)) // images a second; a second of processor time
	for range *rounds {
		for k, way := range ways {
			busy, began := processor(t), time.Now()
			rate := way()
			rates[k] = append(rates[k], rate)
			work[k] = append(work[k], rate*time.Since(began).Seconds()/(processor(t)-busy))
		}
	}
	images, batches = p.metric("pixelcnn_batch_images_sum")-images, p.metric("pixelcnn_batch_images_count")-batches
	t.Logf("%s, %d clients: %.0f images/s, in batches of %.1f on average", *name, *clients, median(rates[0]), images/batches)
	for k, what := range []string{"", fmt.Sprintf("%d images together", many), fmt.Sprintf("%d images together", *clients)} {
		if k > 0 {
			t.Logf("the library drawing %s: %.0f images/s; ratio of the clients' %s; by processor time, that of the clients included, %s",
				what, median(rates[k]), ratios(rates[0], rates[k]), ratios(work[0], work[k]))
		}
	}
}

// ratios are the median and the range of those of figures that were measured in turn.
func ratios(a, b []float64) string {
	var all []float64
	for k := range a {
		all = append(all, a[k]/b[k])
	}
	return fmt.Sprintf("%.2f [%.2f, %.2f]", median(all), slices.Min(all), slices.Max(all))
}

// TestSizes measures what an image takes of one processor, by how many are drawn together.
func TestSizes(t *testing.T) {
	if !*measure {
		t.Skip("measured by make bench-serve")
	}
	p := start(t, serve.Config{})
	line := ""
	for _, n := range []int{1, 2, 4, 8, 16, 32, 64} {
		p.drawWith(p.one, n) // makes what is kept
		var times []float64
		for range *rounds {
			began := time.Now()
			p.drawWith(p.one, n)
			times = append(times, time.Since(began).Seconds()*1e3/float64(n))
		}
		line += fmt.Sprintf("; %d: %.2f [%.2f, %.2f]", n, median(times), slices.Min(times), slices.Max(times))
	}
	t.Logf("%s, ms an image on one processor, by how many are drawn together%s", *name, line)
}

// TestLatency measures in turn: a lone request for one image, and the library drawing one.
func TestLatency(t *testing.T) {
	if !*measure {
		t.Skip("measured by make bench-serve")
	}
	p := start(t, serve.Config{})
	var web, lib []float64
	var drawn time.Time
	var busy, webBusy, libBusy float64
	began := time.Now()
	p.client(0, func() bool {
		at, atBusy := time.Now(), processor(t)
		if !drawn.IsZero() {
			web, webBusy = append(web, at.Sub(drawn).Seconds()*1e3), webBusy+atBusy-busy
		}
		p.draw(1)
		drawn, busy = time.Now(), processor(t)
		lib, libBusy = append(lib, drawn.Sub(at).Seconds()*1e3), libBusy+busy-atBusy
		return len(web) == 1000 || time.Since(began) > 20*time.Second
	})
	t.Logf("%s: a lone request %s ms, the library %s ms: ratio of the medians %.2f, by processor time, that of the client included, %.2f",
		*name, quantiles(web), quantiles(lib), median(web)/median(lib), webBusy/libBusy)
}

// quantiles are some of figures.
func quantiles(x []float64) string {
	x = slices.Sorted(slices.Values(x))
	at := func(q float64) float64 { return x[int(q*float64(len(x)-1))] }
	return fmt.Sprintf("%.3g (p90 %.3g, p99 %.3g, longest %.3g)", at(0.5), at(0.9), at(0.99), at(1))
}

// TestOverload asks for ten times what there is capacity for. What is refused is refused with
// 429, and what is accepted does not wait long.
func TestOverload(t *testing.T) {
	if !*measure {
		t.Skip("measured by make bench-serve")
	}
	p := start(t, serve.Config{})
	capacity := p.served(*clients, *each)
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
	t.Logf("capacity %.0f/s; %.0f/s were sent, by status %v; of the accepted, ms: %s",
		capacity, float64(sent)/took.Seconds(), fmt.Sprint(count), quantiles(accepted))
}
