package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"pixelcnn/internal/serve"
	"pixelcnn/sampler"
)

var soak = flag.Duration("soak", 5*time.Second, "how long to soak")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestSoak asks for far more than there is capacity for, with clients among the others that go
// away, send half a request, or a damaged one. What is accepted is right, what is refused is
// refused with 429 or as damaged, and the process does not grow, and falls back when it is over.
func TestSoak(t *testing.T) {
	p := start(t, serve.Config{Queue: 64})
	const seeds = 32
	want := make([][]uint16, seeds) // what a quiet library draws
	for seed := range want {
		for sample, err := range p.lib.Samples(context.Background(), sampler.Request{N: 1, Parameters: sampler.Parameters{Seed: uint64(seed)}}) {
			if err != nil {
				t.Fatal(err)
			}
			want[seed] = sample.Levels
		}
	}
	ctx, stop := context.WithTimeout(context.Background(), *soak)
	defer stop()
	var right, refused, faulty atomic.Int64
	var group sync.WaitGroup
	for i := range 160 {
		group.Go(func() {
			rng := rand.New(rand.NewPCG(3, uint64(i)))
			for ctx.Err() == nil && !t.Failed() {
				if rng.IntN(5) == 0 {
					p.fault(rng)
					faulty.Add(1)
					continue
				}
				seed := rng.IntN(seeds)
				status, levels, err := p.levels(fmt.Sprintf(`{"seed":%d,"output_format":"json"}`, seed))
				switch {
				case err != nil:
					t.Error(err)
				case status == http.StatusTooManyRequests:
					refused.Add(1)
					time.Sleep(time.Duration(rng.IntN(20)) * time.Millisecond)
				case status != http.StatusOK:
					t.Errorf("status %d", status)
				case !slices.Equal(levels, want[seed]):
					t.Errorf("seed %d gives another image", seed)
				default:
					right.Add(1)
				}
			}
		})
	}
	var resident []int
	for ctx.Err() == nil {
		time.Sleep(max(20*time.Millisecond, *soak/200))
		resident = append(resident, process(t))
	}
	group.Wait()
	for p.metric("pixelcnn_queue_requests") > 0 {
		time.Sleep(10 * time.Millisecond)
	}
	p.web.CloseIdleConnections()
	debug.FreeOSMemory()
	after := process(t)
	third := len(resident) / 3
	middle, last := slices.Min(resident[third:2*third]), slices.Min(resident[2*third:])
	t.Logf("%d right, %d refused, %d faulty; MiB resident: at the start %d, least of the middle third %d, of the last %d, greatest %d, afterwards %d",
		right.Load(), refused.Load(), faulty.Load(), resident[0], middle, last, slices.Max(resident), after)
	if right.Load() == 0 || refused.Load() == 0 || faulty.Load() == 0 {
		t.Error("that is no load")
	}
	// A short run is over before caches and heap have the size that they keep.
	if slack := 64 + middle/10; *soak >= time.Minute && (last > middle+slack || after > middle+slack) {
		t.Error("the process grows")
	}
}

// levels asks for one image.
func (p *place) levels(body string) (status int, levels []uint16, err error) {
	res, err := p.web.Post(p.url+"/v1/images/generations", "application/json", strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	b, err := io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil || res.StatusCode != http.StatusOK {
		return res.StatusCode, nil, err
	}
	var got struct{ Data []struct{ Levels [][]uint16 } }
	if err := json.Unmarshal(b, &got); err != nil {
		return 0, nil, err
	}
	return res.StatusCode, slices.Concat(got.Data[0].Levels...), nil
}

// fault is a client that does not do as it should.
func (p *place) fault(rng *rand.Rand) {
	switch rng.IntN(4) {
	case 0: // goes away
		ctx, leave := context.WithTimeout(context.Background(), time.Duration(rng.IntN(20))*time.Millisecond)
		defer leave()
		req, err := http.NewRequestWithContext(ctx, "POST", p.url+"/v1/images/generations", strings.NewReader(`{"n":100,"stream":true,"partial_images":3}`))
		if err != nil {
			p.t.Error(err)
			return
		}
		req.Header.Set("Content-Type", "application/json")
		if res, err := p.web.Do(req); err == nil {
			_, _ = io.Copy(io.Discard, res.Body)
			res.Body.Close()
		}
	case 1: // sends half a request, slowly
		conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
		if err != nil {
			return // the system has no more of them
		}
		defer conn.Close()
		for _, part := range []string{"POST /v1/images/generations HTTP/1.1\r\nHost: x\r\n", "Content-Type: application/json\r\nContent-Length: 50\r\n\r\n", `{"n":`} {
			if rng.IntN(4) == 0 {
				return
			}
			if _, err := io.WriteString(conn, part); err != nil {
				return
			}
			time.Sleep(time.Duration(rng.IntN(5)) * time.Millisecond)
		}
	case 2: // sends a damaged form
		body := make([]byte, rng.IntN(300))
		for i := range body {
			body[i] = byte(rng.Uint32())
		}
		body = append([]byte("--x\r\nContent-Disposition: form-data; name=\"image\"\r\n\r\n"), body...)
		p.refused("/v1/images/edits", "multipart/form-data; boundary=x", body)
	default: // sends damaged JSON
		body := []byte(`{"n":1,"seed":1,"temperature":0.7,"prompt":"bag"}`)
		body[rng.IntN(len(body)-1)] = '\x01'
		p.refused("/v1/images/generations", "application/json", body)
	}
}

func (p *place) refused(path, kind string, body []byte) {
	res, err := p.web.Post(p.url+path, kind, bytes.NewReader(body))
	if err != nil {
		p.t.Error(err)
		return
	}
	_, _ = io.Copy(io.Discard, res.Body)
	res.Body.Close()
	if res.StatusCode != http.StatusBadRequest {
		p.t.Errorf("%s: status %d to a damaged request %q", path, res.StatusCode, body)
	}
}

// process is the memory that the process has now, in MiB.
func process(t *testing.T) int {
	status, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip("the system does not tell a process's memory")
	}
	pages, err := strconv.Atoi(strings.Fields(string(status))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize() >> 20
}
