package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"maps"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"pixelcnn/models/pretrained"
	"pixelcnn/runtime"
	"pixelcnn/sampler"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// opened opens a model inside the program on the runtime in Go.
func opened(t testing.TB, name string, cfg sampler.Config) *sampler.Sampler {
	t.Helper()
	rt, err := runtime.Go()
	if err != nil {
		t.Fatal(err)
	}
	file, err := pretrained.Read(name)
	if err != nil {
		t.Fatal(err)
	}
	s, err := sampler.Open(rt, file, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// started is a server with a model, at an address of this machine.
func started(t testing.TB, cfg Config) (*Server, *httptest.Server) {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Ready(Model{Name: "gated", Sampler: opened(t, "gated", sampler.Config{Threads: Threads, Idle: Idle})}); err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(s)
	t.Cleanup(func() {
		web.Close()
		s.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	return s, web
}

// post sends JSON and returns the status, and what is answered.
func post(t testing.TB, url, body string) (int, []byte) {
	t.Helper()
	res, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, b
}

// answered is what tests read of an answer.
type answered struct {
	Created int64
	Data    []struct {
		B64JSON []byte `json:"b64_json"`
		Index   uint64
		Seed    uint64
		Class   int
		LogProb float64
		Levels  [][]uint16
	}
	Usage usage
	Error apiError
}

func read(t testing.TB, status int, b []byte) (a answered) {
	t.Helper()
	if err := json.Unmarshal(b, &a); err != nil || status != http.StatusOK {
		t.Fatalf("status %d, %s, error %v", status, b, err)
	}
	return a
}

// flat is levels [H][W] in one row.
func flat(rows [][]uint16) []uint16 { return slices.Concat(rows...) }

// TestTogether: requests at once, with any parameters, each get what the library draws alone.
func TestTogether(t *testing.T) {
	lib := opened(t, "gated", sampler.Config{})
	_, web := started(t, Config{Threads: 3, Batch: 8})
	rng := rand.New(rand.NewPCG(1, 2))
	var group sync.WaitGroup
	for range 24 {
		req := sampler.Request{First: rng.Uint64N(5), N: 1 + rng.IntN(4), Parameters: sampler.Parameters{Seed: rng.Uint64(), Temperature: 0.5 + rng.Float64(), TopK: rng.IntN(4)}}
		prompt := ""
		if class := rng.IntN(12); class < 10 {
			req.Classes, prompt = []int{class}, fmt.Sprint(class)
		}
		if req.BestOf = 1; rng.IntN(4) == 0 {
			req.BestOf = 3
		}
		body, _ := json.Marshal(map[string]any{
			"n": req.N, "first": req.First, "seed": req.Seed, "temperature": req.Temperature, "filters": req.Filters, "top_k": req.TopK,
			"prompt": prompt, "best_of": req.BestOf, "output_format": "json",
		})
		group.Go(func() {
			status, b := post(t, web.URL+"/v1/images/generations", string(body))
			got := read(t, status, b)
			i := 0
			for want, err := range lib.Samples(context.Background(), req) {
				if err != nil {
					t.Error(err)
					return
				}
				d := got.Data[i]
				if !slices.Equal(flat(d.Levels), want.Levels) || d.Index != want.Index || d.Class != want.Class || d.Seed != req.Seed {
					t.Errorf("%s: image %d is another one", body, i)
				}
				if diff := d.LogProb - want.LogProb; diff > 0.011 || diff < -0.011 {
					t.Errorf("%s: log-probability %g, want %g", body, d.LogProb, want.LogProb)
				}
				i++
			}
		})
	}
	group.Wait()
}

// TestForms: the same levels in every form.
func TestForms(t *testing.T) {
	_, web := started(t, Config{})
	ask := func(more string) answered {
		status, b := post(t, web.URL+"/v1/images/generations", `{"seed":5,"prompt":"bag"`+more+`}`)
		return read(t, status, b)
	}
	levels := flat(ask(`,"output_format":"json"`).Data[0].Levels)
	npy := ask(`,"response_format":"npy"`).Data[0].B64JSON
	if len(npy) != 128+256 || !bytes.Contains(npy[:128], []byte("'|u1'")) || !bytes.Contains(npy[:128], []byte("(1, 16, 16)")) {
		t.Errorf("the array begins with %q", npy[:min(128, len(npy))])
	}
	for scale, size := range map[int]string{1: "auto", 3: "48x48"} {
		img, err := png.Decode(bytes.NewReader(ask(`,"size":"` + size + `"`).Data[0].B64JSON))
		if err != nil || img.Bounds().Dx() != 16*scale {
			t.Fatalf("%v, error %v", img.Bounds(), err)
		}
		for y := range 16 * scale {
			for x := range 16 * scale {
				level := levels[y/scale*16+x/scale]
				if got := color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y; got != uint8(level)*85 || uint16(npy[128+y/scale*16+x/scale]) != level {
					t.Fatalf("%s: (%d, %d) is %d, level %d", size, x, y, got, level)
				}
			}
		}
	}
	if u := ask(`,"n":2,"best_of":2`).Usage; u.OutputTokens != 2*2*256 || u.TotalTokens != u.OutputTokens {
		t.Errorf("usage %+v", u)
	}
	seed := func() uint64 {
		status, b := post(t, web.URL+"/v1/images/generations", `{"seed":null}`)
		return read(t, status, b).Data[0].Seed
	}
	if a, b := seed(), seed(); a == b {
		t.Error("without a seed two images are the same")
	}
}

// event is one that was sent.
type event struct {
	kind string
	data map[string]any
}

func eventsOf(t *testing.T, r io.Reader) (list []event) {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	for text := range strings.SplitSeq(strings.TrimSpace(string(b)), "\n\n") {
		kind, data, ok := strings.Cut(strings.TrimPrefix(text, "event: "), "\ndata: ")
		e := event{kind: kind}
		if err := json.Unmarshal([]byte(data), &e.data); err != nil || !ok {
			t.Fatalf("no event: %q", text)
		}
		list = append(list, e)
	}
	return list
}

// TestStream: each image grows, in so many pictures, and ends as the one without a stream.
func TestStream(t *testing.T) {
	_, web := started(t, Config{Batch: 2})
	status, b := post(t, web.URL+"/v1/images/generations", `{"seed":5,"n":3,"output_format":"json"}`)
	want := read(t, status, b)
	res, err := http.Post(web.URL+"/v1/images/generations", "application/json", strings.NewReader(`{"seed":5,"n":3,"output_format":"json","stream":true,"partial_images":4}`))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if kind := res.Header.Get("Content-Type"); kind != "text/event-stream" {
		t.Errorf("Content-Type %q", kind)
	}
	count, done := map[any]int{}, 0
	for _, e := range eventsOf(t, res.Body) {
		index := e.data["index"]
		switch e.kind {
		case "image_generation.partial_image":
			if e.data["partial_image_index"] != float64(count[index]) {
				t.Errorf("picture %v of image %v comes as number %d", e.data["partial_image_index"], index, count[index])
			}
			count[index]++
		case "image_generation.completed":
			done++
			levels, _ := json.Marshal(e.data["levels"])
			if same, _ := json.Marshal(want.Data[int(index.(float64))].Levels); !bytes.Equal(levels, same) || count[index] != 4 {
				t.Errorf("image %v is another one, or came after %d pictures", index, count[index])
			}
		default:
			t.Errorf("event %q", e.kind)
		}
	}
	if done != 3 {
		t.Errorf("%d images", done)
	}
}

// form makes a form of fields, and of pictures by their names.
func formOf(t testing.TB, fields map[string]string, pictures map[string]image.Image) (kind string, body *bytes.Buffer) {
	t.Helper()
	body = &bytes.Buffer{}
	w := multipart.NewWriter(body)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if err := w.WriteField(name, fields[name]); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(pictures)) {
		part, err := w.CreateFormFile(name, name+".png")
		if err == nil {
			err = png.Encode(part, pictures[name])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), body
}

// TestEdit: inpainting gives what the library gives, with and without particles, and the given
// pixels stay.
func TestEdit(t *testing.T) {
	lib := opened(t, "gated", sampler.Config{})
	_, web := started(t, Config{})
	picture := image.NewNRGBA(image.Rect(0, 0, 16, 16))
	in := sampler.Inpainting{Picture: make([]uint16, 256), Mask: make([]bool, 256)}
	for k := range 256 {
		x, y := k%16, k/16
		if in.Mask[k] = (x+y)%3 > 0; in.Mask[k] {
			level := uint16(k*7) % 4
			in.Picture[k] = level
			picture.Set(x, y, color.NRGBA{uint8(level * 85), uint8(level * 85), uint8(level * 85), 255})
		}
	}
	for _, particles := range []int{0, 5} {
		in.Particles = particles
		fields := map[string]string{"seed": "3", "n": "2", "output_format": "json", "prompt": "Coat", "user": "x"}
		if particles > 0 {
			fields["particles"] = fmt.Sprint(particles)
		}
		kind, body := formOf(t, fields, map[string]image.Image{"image": picture})
		res, err := http.Post(web.URL+"/v1/images/edits", kind, body)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(res.Body)
		res.Body.Close()
		got, i := read(t, res.StatusCode, b), 0
		for want, err := range lib.Samples(context.Background(), sampler.Request{N: 2, Parameters: sampler.Parameters{Seed: 3}, Classes: []int{4}, Inpainting: in}) {
			if err != nil || !slices.Equal(flat(got.Data[i].Levels), want.Levels) {
				t.Errorf("%d particles: image %d is another one, error %v", particles, i, err)
			}
			i++
		}
	}
}

// TestScore: pictures have the log-probabilities that the library gives, in either form.
func TestScore(t *testing.T) {
	lib := opened(t, "gated", sampler.Config{})
	_, web := started(t, Config{})
	var all []uint16
	var pictures [][][]uint16
	for sample, err := range lib.Samples(context.Background(), sampler.Request{N: 20}) {
		if err != nil {
			t.Fatal(err)
		}
		all, pictures = append(all, sample.Levels...), append(pictures, nested(lib.Signature(), sample.Levels).([][]uint16))
	}
	want, err := lib.LogProb(context.Background(), all)
	if err != nil {
		t.Fatal(err)
	}
	check := func(status int, b []byte, want []float64) {
		t.Helper()
		got := read(t, status, b)
		if len(got.Data) != len(want) {
			t.Fatalf("%d results for %d", len(got.Data), len(want))
		}
		for i, d := range got.Data {
			if diff := d.LogProb - want[i]; diff > 0.011 || diff < -0.011 {
				t.Errorf("picture %d: %g, want %g", i, d.LogProb, want[i])
			}
		}
	}
	body, _ := json.Marshal(map[string]any{"levels": pictures})
	status, b := post(t, web.URL+"/v1/score", string(body))
	check(status, b, want)
	classes := make([]int, 20)
	given, err := lib.LogProbGivenClass(context.Background(), all, classes)
	if err != nil {
		t.Fatal(err)
	}
	body, _ = json.Marshal(map[string]any{"levels": pictures, "prompt": "0"})
	status, b = post(t, web.URL+"/v1/score", string(body))
	check(status, b, given)
	kind, form := formOf(t, nil, map[string]image.Image{"image": lib.Signature().Image(all[:256])})
	res, err := http.Post(web.URL+"/v1/score", kind, form)
	if err != nil {
		t.Fatal(err)
	}
	b, _ = io.ReadAll(res.Body)
	res.Body.Close()
	check(res.StatusCode, b, want[:1])
}

// TestRefused: what is wrong is named, in the form that clients know.
func TestRefused(t *testing.T) {
	_, web := started(t, Config{MaxImages: 10, MaxPixels: 1 << 14, MaxBody: 1 << 16})
	const generations, js = "/v1/images/generations", "application/json"
	whole := image.NewGray(image.Rect(0, 0, 16, 16))
	opaqueKind, opaque := formOf(t, nil, map[string]image.Image{"image": whole})
	noneKind, none := formOf(t, map[string]string{"n": "1"}, nil)
	badKind, bad := formOf(t, map[string]string{"n": "many"}, nil)
	sizesKind, sizes := formOf(t, nil, map[string]image.Image{"image": whole, "mask": image.NewNRGBA(image.Rect(0, 0, 8, 8))})
	largeKind, large := formOf(t, nil, map[string]image.Image{"image": image.NewNRGBA(image.Rect(0, 0, 200, 200))})
	for _, c := range []struct {
		method, path, kind, body string
		status                   int
		param, code, says        string
	}{
		{"POST", generations, js, `{"n":"two"}`, 400, "n", "invalid_type", "n is a string, must be an integer"},
		{"POST", generations, js, `{"n":1.5}`, 400, "n", "invalid_type", "an integer"},
		{"POST", generations, js, `{"seed":-1}`, 400, "seed", "invalid_type", "from 0"},
		{"POST", generations, js, `{"stream":1}`, 400, "stream", "invalid_type", "true or false"},
		{"POST", generations, js, `{"n":0}`, 400, "n", "invalid_value", "from 1 to 10"},
		{"POST", generations, js, `{"n":11}`, 400, "n", "invalid_value", "from 1 to 10"},
		{"POST", generations, js, `{"n":10,"size":"160x160"}`, 400, "n", "invalid_value", "16384 pixels"},
		{"POST", generations, js, `{"best_of":1000}`, 400, "n", "invalid_value", "16384 pixels"},
		{"POST", generations, js, `{"best_of":9223372036854775807}`, 400, "", "invalid_value", "best-of"},
		{"POST", generations, js, `{"size":"16x32"}`, 400, "size", "invalid_value", "16x16 times"},
		{"POST", generations, js, `{"size":"0x0"}`, 400, "size", "invalid_value", "16x16 times"},
		{"POST", generations, js, `{"size":"-16x-16"}`, 400, "size", "invalid_value", "16x16 times"},
		{"POST", generations, js, `{"output_format":"webp"}`, 400, "output_format", "invalid_value", "png, npy or json"},
		{"POST", generations, js, `{"response_format":"url"}`, 400, "response_format", "invalid_value", "b64_json"},
		{"POST", generations, js, `{"output_format":"npy","size":"32x32"}`, 400, "size", "invalid_value", "only png"},
		{"POST", generations, js, `{"temperature":0}`, 400, "temperature", "invalid_value", "greedy"},
		{"POST", generations, js, `{"temperature":1,"greedy":true}`, 400, "", "invalid_value", "exclude"},
		{"POST", generations, js, `{"top_k":-1}`, 400, "", "invalid_value", "top-k"},
		{"POST", generations, js, `{"top_p":2}`, 400, "", "invalid_value", "top-p"},
		{"POST", generations, js, `{"prompt":"a cat"}`, 400, "prompt", "invalid_value", "a cat"},
		{"POST", generations, js, `{"partial_images":101}`, 400, "partial_images", "invalid_value", "0 to 100"},
		{"POST", generations, js, `{"particles":3}`, 400, "particles", "invalid_value", "edits"},
		{"POST", generations, js, `{"model":"dall-e-3"}`, 404, "model", "model_not_found", "dall-e-3"},
		{"POST", generations, js, `{`, 400, "", "invalid_value", "JSON"},
		{"POST", generations, js, `null`, 400, "", "invalid_value", "null"},
		{"POST", generations, js, `[]`, 400, "", "invalid_value", "JSON"},
		{"POST", generations, js, `{"user":"` + strings.Repeat("x", 1<<16) + `"}`, 413, "", "too_large", "65536 bytes"},
		{"POST", generations, "text/plain", `{}`, 415, "", "unsupported_media_type", "application/json"},
		{"POST", generations + "?n=x", js, `{}`, 400, "n", "invalid_type", "integer"},
		{"GET", generations, "", "", 405, "", "method_not_allowed", "POST"},
		{"GET", "/v1/models/other", "", "", 404, "model", "model_not_found", "other"},
		{"GET", "/v1/other", "", "", 404, "", "unknown_url", "/v1/other"},
		{"POST", "/v1/images/edits", js, `{}`, 415, "", "unsupported_media_type", "multipart"},
		{"POST", "/v1/images/edits", "multipart/form-data; boundary=x", "--x\r\nA: b\r\n\r\nc", 400, "", "invalid_value", "cannot be read"},
		{"POST", "/v1/images/edits", opaqueKind, opaque.String(), 400, "mask", "invalid_value", "transparent"},
		{"POST", "/v1/images/edits", noneKind, none.String(), 400, "image", "invalid_value", "missing"},
		{"POST", "/v1/images/edits", badKind, bad.String(), 400, "n", "invalid_type", "integer"},
		{"POST", "/v1/images/edits", sizesKind, sizes.String(), 400, "mask", "invalid_value", "mask"},
		{"POST", "/v1/images/edits", largeKind, large.String(), 400, "image", "invalid_value", "too many pixels"},
		{"POST", "/v1/score", js, `{}`, 400, "levels", "invalid_value", "no picture"},
		{"POST", "/v1/score", js, `{"levels":[[[0]]]}`, 400, "levels", "invalid_value", "16×16"},
		{"POST", "/v1/score", js, `{"levels":[[["a"]]]}`, 400, "levels", "invalid_type", "integer"},
	} {
		req, err := http.NewRequest(c.method, web.URL+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", c.kind)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var got struct{ Error *apiError }
		err = json.NewDecoder(res.Body).Decode(&got)
		res.Body.Close()
		if err != nil || got.Error == nil {
			t.Errorf("%s %s %.80s: no error, %v", c.method, c.path, c.body, err)
			continue
		}
		e := got.Error
		if res.StatusCode != c.status || text(e.Param) != c.param || text(e.Code) != c.code || !strings.Contains(e.Message, c.says) || e.Type != invalidRequest {
			t.Errorf("%s %s %.80s: status %d, param %q, code %q, %q; want %d, %q, %q, %q", c.method, c.path, c.body, res.StatusCode, text(e.Param), text(e.Code), e.Message, c.status, c.param, c.code, c.says)
		}
	}
}

// text is what s points to, if anything.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// TestUnknown: fields that clients send and that mean nothing here are ignored, nulls are as
// if they were not there.
func TestUnknown(t *testing.T) {
	_, web := started(t, Config{})
	status, b := post(t, web.URL+"/v1/images/generations", `{"n":null,"user":"x","quality":"hd","style":{"a":[1]},"moderation":"low","background":"auto","output_compression":100}`)
	if got := read(t, status, b); len(got.Data) != 1 {
		t.Errorf("%d images", len(got.Data))
	}
}

// TestStates: what is said while models are loaded, when requests are too many, and when the
// server is to stop.
func TestStates(t *testing.T) {
	s, err := New(Config{Queue: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	status := func(method, path, body string) (int, http.Header) {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w.Code, w.Header()
	}
	expect := func(want int, method, path string) {
		t.Helper()
		if got, h := status(method, path, "{}"); got != want || (want == 503 || want == 429) && h.Get("Retry-After") == "" {
			t.Errorf("%s %s: status %d, want %d; Retry-After %q", method, path, got, want, h.Get("Retry-After"))
		}
	}
	expect(200, "GET", "/healthz")
	expect(503, "GET", "/readyz")
	expect(503, "GET", "/v1/models")
	expect(503, "POST", "/v1/images/generations")
	m := Model{Name: "gated", Sampler: opened(t, "gated", sampler.Config{Threads: Threads})}
	for _, bad := range [][]Model{nil, {{Name: "a b", Sampler: m.Sampler}}, {m, m}, {{Name: "x"}}} {
		if err := s.Ready(bad...); err == nil {
			t.Errorf("models %v are taken", bad)
		}
	}
	if err := s.Ready(m); err != nil {
		t.Fatal(err)
	}
	expect(200, "GET", "/readyz")
	expect(200, "POST", "/v1/images/generations")
	s.queue.mu.Lock()
	s.queue.jobs++ // one that waits
	s.queue.mu.Unlock()
	expect(429, "POST", "/v1/images/generations")
	s.queue.mu.Lock()
	s.queue.jobs--
	s.queue.mu.Unlock()
	s.stopping.Store(true)
	expect(503, "GET", "/readyz")
	expect(503, "POST", "/v1/images/generations")
	expect(200, "GET", "/healthz")
	_, h := status("GET", "/healthz", "")
	if !goodID.MatchString(h.Get("X-Request-Id")) {
		t.Errorf("request id %q", h.Get("X-Request-Id"))
	}
	if n := series(t, s, "pixelcnn_requests_total"); n < 5 {
		t.Errorf("%d series of requests", n)
	}
}

func series(t *testing.T, s *Server, name string) (n int) {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, name+"{") {
			n++
		}
	}
	return n
}

// TestAccess: keys, and pages from elsewhere.
func TestAccess(t *testing.T) {
	keyed, err := New(Config{Keys: []string{"first of keys", "second of keys"}, Origins: []string{"https://friend.example"}})
	if err != nil {
		t.Fatal(err)
	}
	defer keyed.Close()
	open, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	for _, c := range []struct {
		s                         *Server
		method, path, key, origin string
		status                    int
	}{
		{keyed, "GET", "/v1/models", "", "", 401},
		{keyed, "GET", "/v1/models", "Bearer first of key", "", 401},
		{keyed, "GET", "/v1/models", "Bearer second of keys", "", 503}, // it is let in, and has no models
		{keyed, "GET", "/metrics", "", "", 401},
		{keyed, "GET", "/healthz", "", "", 200},
		{keyed, "GET", "/", "", "", 200},
		{keyed, "OPTIONS", "/v1/images/generations", "", "https://friend.example", 204},
		{keyed, "OPTIONS", "/v1/images/generations", "", "https://foe.example", 405},
		{keyed, "POST", "/v1/images/generations", "Bearer first of keys", "https://friend.example", 503},
		{open, "POST", "/v1/images/generations", "", "", 503},
		{open, "POST", "/v1/images/generations", "", "https://foe.example", 403},
	} {
		r := httptest.NewRequest(c.method, c.path, nil)
		for name, value := range map[string]string{"Authorization": c.key, "Origin": c.origin} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		w := httptest.NewRecorder()
		c.s.ServeHTTP(w, r)
		friend := c.origin == "https://friend.example"
		if w.Code != c.status || (w.Header().Get("Access-Control-Allow-Origin") != "") != friend {
			t.Errorf("%s %s, key %q, origin %q: status %d, %v; want %d", c.method, c.path, c.key, c.origin, w.Code, w.Header(), c.status)
		}
	}
	for _, bad := range []Config{{Queue: -1}, {Keys: []string{"short"}}, {Origins: []string{"friend"}}} {
		if _, err := New(bad); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}

// TestGone: what nobody waits for any more is not drawn.
func TestGone(t *testing.T) {
	s, web := started(t, Config{Threads: 2, Timeout: time.Hour})
	ctx, leave := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, "POST", web.URL+"/v1/images/generations", strings.NewReader(`{"n":1000,"stream":true}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := res.Body.Read(make([]byte, 1)); err != nil { // it has begun
		t.Fatal(err)
	}
	leave()
	res.Body.Close()
	for quiet := false; !quiet; time.Sleep(time.Millisecond) {
		s.queue.mu.Lock()
		quiet = s.queue.jobs == 0 && s.queue.waiting == 0 && s.queue.busy == 0 && len(s.queue.clients) == 0
		s.queue.mu.Unlock()
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	var drawn float64
	_, after, _ := strings.Cut(w.Body.String(), "pixelcnn_images_total{model=\"gated\"} ")
	if _, err := fmt.Sscan(after, &drawn); err != nil || drawn >= 1000 {
		t.Errorf("%g images were sent, error %v", drawn, err)
	}
}

// TestDeadline: a request that takes too long is told so.
func TestDeadline(t *testing.T) {
	_, web := started(t, Config{Timeout: time.Millisecond, Threads: 1})
	if status, b := post(t, web.URL+"/v1/images/generations", `{"n":1000}`); status != 503 || !bytes.Contains(b, []byte("timeout")) {
		t.Errorf("status %d, %s", status, b)
	}
}

// TestDescribed: the description has every path, and every field of what is sent and answered.
func TestDescribed(t *testing.T) {
	var doc struct {
		Paths      map[string]map[string]any
		Components struct {
			Schemas map[string]struct{ Properties map[string]any }
		}
	}
	if err := json.Unmarshal(openAPI, &doc); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/v1/models", "/v1/models/{id}", "/v1/images/generations", "/v1/images/edits", "/v1/score", "/healthz", "/readyz", "/metrics", "/openapi.json"} {
		if len(doc.Paths[path]) != 1 {
			t.Errorf("%s is not described", path)
		}
	}
	has := func(schema string, names ...string) {
		t.Helper()
		for _, name := range names {
			if doc.Components.Schemas[schema].Properties[name] == nil {
				t.Errorf("%s does not have %s", schema, name)
			}
		}
	}
	fields := (&params{}).fields()
	has("Edit", slices.Collect(maps.Keys(fields))...)
	delete(fields, "particles")
	has("Generation", slices.Collect(maps.Keys(fields))...)
	names := func(v any) (names []string) {
		for f := range reflect.TypeOf(v).Fields() {
			if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
				names = append(names, name)
			}
		}
		return names
	}
	has("Image", names(imageObject{})...)
	has("Images", names(described{})...)
	has("Model", names(modelObject{})...)
	has("Usage", names(usage{})...)
}
