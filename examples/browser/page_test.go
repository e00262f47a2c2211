package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/png"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pixelcnn/export"
	"pixelcnn/internal/modeltest"
	"pixelcnn/internal/onefile/onefiletest"
	"pixelcnn/internal/page/pagetest"
	"pixelcnn/models"
	"pixelcnn/models/pretrained"
	"pixelcnn/runtime"
	"pixelcnn/sampler"
)

var (
	shots  = flag.String("shots", "", "folder for screenshots")
	parity = flag.Int("parity", 4, "images of each model to compare with the sampler's")
)

// site assembles the page with models and serves it. It skips the test where
// onnxruntime-web cannot be had.
func site(t *testing.T, models map[string][]byte, order []string) (url string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	web, err := webRuntime(ctx)
	if errors.Is(err, errNoWeb) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := assemble(dir, web, models, order); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(server.Close)
	return server.URL
}

// browse opens the page in Chromium. It skips the test where there is none.
func browse(t *testing.T, models map[string][]byte, order []string) *pagetest.Browser {
	t.Helper()
	return pagetest.Open(t, site(t, models, order), *shots)
}

// withClasses is a small model of random weights.
func withClasses(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	m := modeltest.Random(t, models.Config{Arch: "gated", Hidden: 8, Blocks: 2, Kernel: 5, Size: 9, Levels: 5, Classes: 3}, 2)
	if err := export.Write(&b, m, export.Meta{Classes: []string{"Boot", "Coat", "Bag"}}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// visit is the page in a browser, with the model that it draws from.
type visit struct {
	*pagetest.Browser
	t     *testing.T
	env   *runtime.Env
	model []byte
	req   sampler.Request
	sig   *sampler.Signature
}

// same compares what the canvas shows with what the sampler draws.
func (p *visit) same(req sampler.Request) []uint16 {
	p.t.Helper()
	s, err := sampler.Open(p.env, p.model, sampler.Config{})
	if err != nil {
		p.t.Fatal(err)
	}
	defer s.Close()
	p.sig = s.Signature()
	req.Parameters, req.Classes = p.req.Parameters, p.req.Classes
	var want []uint16
	for sample, err := range s.Samples(context.Background(), req) {
		if err != nil {
			p.t.Fatal(err)
		}
		want = sample.Levels
	}
	got := p.Shown()
	if len(got) != len(want) {
		p.t.Fatalf("the page shows %d pixels, want %d", len(got), len(want))
	}
	for k, g := range p.sig.Image(want).(*image.Gray).Pix {
		if got[k] != int(g) {
			p.t.Fatalf("pixel %d is grey %d on the page, %d with the sampler", k, got[k], g)
		}
	}
	return want
}

// TestPage uses the page as a person would, in Chromium, and compares what it draws with
// the sampler's images.
//
//	go test ./examples/browser -run Page -v -shots shots
func TestPage(t *testing.T) {
	models := map[string][]byte{"trained": pretrained.Default(), "classes": withClasses(t)}
	c := browse(t, models, []string{"trained", "classes"})
	env, err := runtime.Open(runtime.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer env.Close()
	p := &visit{Browser: c, t: t, env: env, model: models["trained"], req: sampler.Request{Parameters: sampler.Parameters{Seed: 1, Temperature: 0.8}}}
	done := "!document.getElementById('draw').disabled && document.getElementById('status').textContent.startsWith('Drawn') && !document.getElementById('save').disabled"

	// It comes with a picture.
	c.Wait(done)
	if m, err := sampler.Read(p.model, sampler.Config{}); err != nil || m.ClassInput != "" {
		p.req.Classes = []int{0}
	}
	p.same(sampler.Request{N: 1})
	c.Shoot("light.png")

	// Another seed and temperature.
	set := c.Set
	c.Eval("document.getElementById('status').textContent = ''", nil)
	set("seed", "9007199254740990")
	c.Click("draw")
	c.Wait(done)
	p.req.Seed = 9007199254740990
	p.same(sampler.Request{N: 1})
	c.Eval("document.getElementById('status').textContent = ''", nil)
	set("temperature", "1") // draws at once
	c.Wait(done)
	p.req.Temperature = 1
	picture := p.same(sampler.Request{N: 1})

	// Rub out with the mouse: a stroke of the 3×3 brush from (4, 5) to (10, 5).
	x, y, w, h := c.Box("picture")
	at := func(column, row int) (float64, float64) {
		return x - w/2 + (float64(column)+0.5)*w/float64(p.sig.Width), y - h/2 + (float64(row)+0.5)*h/float64(p.sig.Height)
	}
	from, to := 4, 10
	px, py := at(from, 5)
	c.Mouse("mousePressed", px, py)
	px, py = at(to, 5)
	c.Mouse("mouseMoved", px, py)
	c.Mouse("mouseReleased", px, py)
	keep := make([]bool, len(picture))
	for k := range keep {
		row, column := k/p.sig.Width, k%p.sig.Width
		keep[k] = row < 4 || row > 6 || column < from-1 || column > to+1
	}
	greys := c.Shown()
	for k, g := range greys {
		if keep[k] != (g >= 0) {
			t.Fatalf("pixel %d is rubbed out: %v, want %v", k, g < 0, !keep[k])
		}
	}
	c.Shoot("gap.png")

	// Put it back; rub it out again; have it drawn.
	c.Click("restore")
	p.same(sampler.Request{N: 1})
	px, py = at(from, 5)
	c.Mouse("mousePressed", px, py)
	px, py = at(to, 5)
	c.Mouse("mouseMoved", px, py)
	c.Mouse("mouseReleased", px, py)
	c.Eval("document.getElementById('status').textContent = ''", nil)
	c.Click("again")
	c.Wait(done)
	picture = p.same(sampler.Request{First: 1, N: 1, Inpainting: sampler.Inpainting{Picture: picture, Mask: keep}})

	// The same with the keyboard alone: one pixel two to the right, one down.
	set("brush", "1")
	reach := c.Reach
	c.Eval("document.activeElement.blur()", nil)
	reach("picture")
	for range p.sig.Width {
		c.Key("ArrowLeft")
		c.Key("ArrowUp")
	}
	for _, key := range []string{"ArrowRight", "ArrowRight", "ArrowDown", " "} {
		c.Key(key)
	}
	c.Shoot("keyboard.png")
	reach("again")
	c.Eval("document.getElementById('status').textContent = ''", nil)
	c.Key("Enter")
	c.Wait(done)
	for k := range keep {
		keep[k] = k != p.sig.Width+2
	}
	picture = p.same(sampler.Request{First: 2, N: 1, Inpainting: sampler.Inpainting{Picture: picture, Mask: keep}})

	// Take it away.
	p.saved(picture)

	// A phone, and a dark room. Nothing sticks out.
	for name, look := range map[string]struct {
		width  int
		scheme string
	}{"dark.png": {1280, "dark"}, "phone.png": {390, "light"}, "phone-dark.png": {390, "dark"}, "small.png": {320, "light"}} {
		c.Look(look.width, 900, look.scheme, true)
		var wide int
		if c.Eval("document.documentElement.scrollWidth", &wide); wide > look.width {
			t.Errorf("the page is %d wide in a window of %d", wide, look.width)
		}
		c.Shoot(name)
	}

	// Another model, by its classes; the picture appears step by step.
	c.Look(1280, 900, "light", false)
	set("model", "1")
	c.Wait("document.getElementById('class').options.length === 3 && " + done)
	c.Eval("document.getElementById('slow').checked = true", nil)
	grown := c.Grows()
	c.Eval("document.getElementById('status').textContent = ''", nil)
	set("class", "2")
	c.Wait(done + " && document.getElementById('status').textContent.endsWith('nats.')")
	if states := grown(); states < 4 {
		t.Errorf("the picture does not grow: %d different numbers of its pixels were seen", states)
	}
	p.model, p.req.Classes = models["classes"], []int{2}
	p.same(sampler.Request{N: 1})
	c.Healthy()
}

// TestWeb draws many images in Chromium, and compares them with the sampler's.
//
//	go test ./examples/browser -run Web -v -parity 256
func TestWeb(t *testing.T) {
	models := onefiletest.Trained(t)
	order := slices.Sorted(maps.Keys(models))
	c := browse(t, models, order)
	env, err := runtime.Open(runtime.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer env.Close()
	for i, name := range order {
		for _, temperature := range []float64{1, 0.7} {
			t.Run(fmt.Sprintf("%s T=%g", name, temperature), func(t *testing.T) {
				req := sampler.Request{Parameters: sampler.Parameters{Seed: 1, Temperature: temperature}}
				if m, err := sampler.Read(models[name], sampler.Config{}); err == nil && m.ClassInput != "" {
					req.Classes = []int{1}
				}
				var drawn struct {
					Levels []int
					Times  []float64
				}
				c.Eval(fmt.Sprintf(`(async () => {
					const {list, load} = await import('./model.mjs'), model = await load((await list())[%d]);
					const levels = [], times = [];
					for (let number = 0; number < %d; number++) {
						const image = await model.draw({seed: 1, number, class: 1, temperature: %g});
						levels.push(...image.levels);
						times.push(image.milliseconds);
					}
					return {levels, times};
				})()`, i, *parity, temperature), &drawn)
				levels := make([]uint8, len(drawn.Levels))
				for k, l := range drawn.Levels {
					levels[k] = uint8(l)
				}
				differ := onefiletest.Compare(t, env, models[name], sampler.Config{}, req, onefiletest.Levels(levels))
				slices.Sort(drawn.Times)
				t.Logf("%d of %d images differ; ms an image: median %.1f, fastest %.1f", differ, *parity, drawn.Times[*parity/2], drawn.Times[0])
			})
		}
	}
	c.Healthy()
}

// saved downloads the picture and reads it.
func (p *visit) saved(want []uint16) {
	p.t.Helper()
	dir := p.t.TempDir()
	session := p.Session
	p.Session = ""
	p.Call("Browser.setDownloadBehavior", map[string]any{"behavior": "allow", "downloadPath": dir}, nil)
	p.Session = session
	p.Click("save")
	var file string
	for deadline := time.Now().Add(20 * time.Second); file == ""; time.Sleep(10 * time.Millisecond) {
		files, err := filepath.Glob(filepath.Join(dir, "*.png"))
		if err != nil || time.Now().After(deadline) {
			p.t.Fatal("nothing was saved", err)
		}
		if len(files) > 0 {
			file = files[0]
		}
	}
	b, err := os.ReadFile(file)
	if err != nil {
		p.t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		p.t.Fatal(err)
	}
	var got []uint8
	for k := range want {
		r, g, b, a := img.At(k%p.sig.Width*16+8, k/p.sig.Width*16+8).RGBA()
		if r != g || g != b || a != 0xffff {
			p.t.Fatalf("pixel %d of the saved picture is no grey", k)
		}
		got = append(got, uint8(r>>8))
	}
	if !slices.Equal(got, p.sig.Image(want).(*image.Gray).Pix) {
		p.t.Error("the saved picture is another one")
	}
}
