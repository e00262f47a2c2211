package serve

import (
	"context"
	"flag"
	"fmt"
	"image"
	"strings"
	"testing"

	"pixelcnn/internal/page/pagetest"
	"pixelcnn/sampler"
)

var shots = flag.String("shots", "", "folder for screenshots of the page")

const drawn = "!document.getElementById('draw').disabled && document.getElementById('status').textContent.startsWith('Drawn') && !document.getElementById('save').disabled"

// TestPage uses the page as a person would, in Chromium, and compares what it shows with the
// library's images.
//
//	go test ./internal/serve -run Page -v -shots shots
func TestPage(t *testing.T) {
	lib := opened(t, "gated", sampler.Config{})
	_, web := started(t, Config{Keys: []string{"key of the page"}})
	c := pagetest.Open(t, web.URL, *shots)
	req := sampler.Request{N: 1, Parameters: sampler.Parameters{Seed: 1, Temperature: 0.8}}
	same := func() []uint16 {
		t.Helper()
		var want []uint16
		for sample, err := range lib.Samples(context.Background(), req) {
			if err != nil {
				t.Fatal(err)
			}
			want = sample.Levels
		}
		got := c.Shown()
		for k, g := range lib.Signature().Image(want).(*image.Gray).Pix {
			if len(got) != len(want) || got[k] != int(g) {
				t.Fatalf("%d pixels; pixel %d is another one than the library's", len(got), k)
			}
		}
		return want
	}
	again := func(do func()) {
		t.Helper()
		c.Eval("document.getElementById('status').textContent = ''", nil)
		do()
		c.Wait(drawn)
	}

	// It asks for the key, and comes with a picture.
	c.Wait("!document.getElementById('keys').hidden && document.getElementById('error').textContent.includes('key')")
	again(func() { c.Set("key", "key of the page") })
	same()
	c.Shoot("light.png")

	// Seed, class, sliders.
	again(func() { c.Set("seed", "9007199254740990"); c.Click("draw") })
	req.Seed = 9007199254740990
	same()
	again(func() { c.Set("class", "7") })
	req.Classes = []int{7}
	same()
	again(func() { c.Set("top_k", "3") })
	again(func() { c.Set("top_p", "0.9") })
	again(func() { c.Set("min_p", "0.02") })
	req.TopK, req.TopP, req.MinP = 3, 0.9, 0.02
	picture := same()

	// A permalink leads to the same picture.
	var link string
	c.Eval("document.getElementById('link').href", &link)
	if _, hash, _ := strings.Cut(link, "#"); hash != "model=gated&temperature=0.8&top_k=3&top_p=0.9&min_p=0.02&seed=9007199254740990&class=7" {
		t.Errorf("the link is %s", link)
	}
	again(func() { c.Set("seed", "5"); c.Click("draw") })
	again(func() { c.Eval(fmt.Sprintf("location.href = %q", link), nil) })
	same()
	c.Call("Page.navigate", map[string]any{"url": "about:blank"}, nil)
	c.Call("Page.navigate", map[string]any{"url": link}, nil)
	c.Wait("location.href !== 'about:blank' && document.readyState === 'complete' && " + drawn)
	same()

	// Rub out with the mouse: a stroke of the 3×3 brush from (4, 5) to (10, 5).
	x, y, w, h := c.Box("picture")
	at := func(column, row int) (float64, float64) {
		return x - w/2 + (float64(column)+0.5)*w/16, y - h/2 + (float64(row)+0.5)*h/16
	}
	px, py := at(4, 5)
	c.Mouse("mousePressed", px, py)
	px, py = at(10, 5)
	c.Mouse("mouseMoved", px, py)
	c.Mouse("mouseReleased", px, py)
	given := make([]bool, 256)
	for k := range given {
		row, column := k/16, k%16
		given[k] = row < 4 || row > 6 || column < 3 || column > 11
	}
	for k, g := range c.Shown() {
		if given[k] != (g >= 0) {
			t.Fatalf("pixel %d is rubbed out: %v", k, g < 0)
		}
	}
	c.Shoot("gap.png")
	again(func() { c.Click("again") })
	req.First, req.Inpainting = 1, sampler.Inpainting{Picture: picture, Mask: given}
	picture = same()

	// The same with the keyboard alone: one pixel two to the right, one down.
	c.Set("brush", "1")
	c.Eval("document.activeElement.blur()", nil)
	c.Reach("picture")
	for range 16 {
		c.Key("ArrowLeft")
		c.Key("ArrowUp")
	}
	for _, key := range []string{"ArrowRight", "ArrowRight", "ArrowDown", " "} {
		c.Key(key)
	}
	c.Shoot("keyboard.png")
	c.Reach("again")
	again(func() { c.Key("Enter") })
	for k := range given {
		given[k] = k != 16+2
	}
	req.First, req.Inpainting = 2, sampler.Inpainting{Picture: picture, Mask: given}
	same()
	for _, id := range []string{"temperature", "top_k", "top_p", "min_p", "seed", "draw", "another", "save"} {
		c.Reach(id)
	}

	// A phone, and a dark room. Nothing sticks out.
	for name, width := range map[string]int{"dark.png": 1280, "phone.png": 390} {
		scheme := "light"
		if width > 600 {
			scheme = "dark"
		}
		c.Look(width, 900, scheme, true)
		var wide int
		if c.Eval("document.documentElement.scrollWidth", &wide); wide > width {
			t.Errorf("the page is %d wide in a window of %d", wide, width)
		}
		c.Shoot(name)
	}
	// It is seen to be drawn.
	c.Look(1280, 900, "light", false)
	c.Eval("document.getElementById('slow').checked = true", nil)
	grown := c.Grows()
	again(func() { c.Set("seed", "3"); c.Click("draw") })
	c.Wait("document.getElementById('status').textContent.endsWith('nats.')")
	if n := grown(); n < 4 {
		t.Errorf("the picture does not grow: %d different numbers of its pixels were seen", n)
	}
	req.Seed, req.First, req.Inpainting = 3, 0, sampler.Inpainting{}
	same()
	c.Healthy()
}
