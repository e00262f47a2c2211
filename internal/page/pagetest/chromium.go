// Package pagetest drives Chromium, for the tests of pages.
package pagetest

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Browser is a headless browser, driven by the DevTools protocol over a pipe:
// https://chromedevtools.github.io/devtools-protocol
type Browser struct {
	t       *testing.T
	out     io.Writer
	Shots   string // folder for screenshots; empty: none are kept
	Session string // of the page

	mu      sync.Mutex
	next    int
	waiting map[int]chan answer
	faults  []string // that the page's scripts have not caught
}

type answer struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// find names the browser's program, "" where there is none.
func find() string {
	for _, name := range []string{os.Getenv("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// Open opens a page. It skips the test where there is no Chromium. Screenshots go to the folder
// shots, if it has a name.
func Open(t *testing.T, url, shots string) *Browser {
	t.Helper()
	program := find()
	if program == "" {
		t.Skip("no Chromium found: install one (Debian: apt-get install chromium), or set CHROMIUM to its program")
	}
	fromTest, toTest, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	toChromium, fromChromium, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "chromium")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "--headless", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu",
		"--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking", "--hide-scrollbars",
		"--user-data-dir="+dir, "about:blank")
	var log strings.Builder
	cmd.Stderr = &log
	cmd.ExtraFiles = []*os.File{fromTest, fromChromium} // 3 and 4
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	fromTest.Close()
	fromChromium.Close()
	c := &Browser{t: t, out: toTest, Shots: shots, waiting: map[int]chan answer{}}
	done := make(chan struct{})
	go func() {
		c.listen(toChromium)
		close(done)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		toTest.Close()
		toChromium.Close()
		<-done
		_ = os.RemoveAll(dir)
		if t.Failed() {
			t.Log(log.String())
		}
	})
	var target struct{ TargetID string }
	c.Call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	c.Call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	c.Session = attached.SessionID
	c.Call("Page.enable", nil, nil)
	c.Call("Runtime.enable", nil, nil)
	c.Look(1280, 900, "light", true)
	c.Call("Page.navigate", map[string]any{"url": url}, nil)
	c.Wait("location.href !== 'about:blank' && document.readyState === 'complete'")
	return c
}

// listen hands out answers until the pipe ends.
func (c *Browser) listen(from io.Reader) {
	in := bufio.NewReader(from)
	for {
		b, err := in.ReadBytes(0)
		if err != nil {
			break
		}
		var a answer
		if json.Unmarshal(b[:len(b)-1], &a) != nil {
			break
		}
		c.mu.Lock()
		switch {
		case a.ID > 0:
			c.waiting[a.ID] <- a
			delete(c.waiting, a.ID)
		case a.Method == "Runtime.exceptionThrown":
			c.faults = append(c.faults, string(a.Params))
		}
		c.mu.Unlock()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.waiting {
		close(w)
	}
	c.waiting = nil
}

// Call sends a command and waits for its result.
func (c *Browser) Call(method string, params, result any) {
	c.t.Helper()
	if err := c.try(method, params, result); err != nil {
		c.t.Fatalf("%s: %v", method, err)
	}
}

func (c *Browser) try(method string, params, result any) error {
	got := make(chan answer, 1)
	c.mu.Lock()
	if c.waiting == nil {
		c.mu.Unlock()
		return errors.New("the browser has ended")
	}
	c.next++
	id := c.next
	c.waiting[id] = got
	c.mu.Unlock()
	b, err := json.Marshal(map[string]any{"id": id, "method": method, "params": params, "sessionId": c.Session})
	if params == nil {
		b, err = json.Marshal(map[string]any{"id": id, "method": method, "sessionId": c.Session})
	}
	if err != nil {
		return err
	}
	if _, err := c.out.Write(append(b, 0)); err != nil {
		return err
	}
	select {
	case a, ok := <-got:
		switch {
		case !ok:
			return errors.New("the browser has ended")
		case a.Error != nil:
			return errors.New(a.Error.Message)
		case result != nil:
			return json.Unmarshal(a.Result, result)
		}
		return nil
	case <-time.After(10 * time.Minute):
		return errors.New("no answer within ten minutes")
	}
}

// Look sets the size of the window, in CSS pixels, and what the reader prefers.
func (c *Browser) Look(width, height int, scheme string, still bool) {
	c.t.Helper()
	motion := "no-preference"
	if still {
		motion = "reduce"
	}
	c.Call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}, nil)
	c.Call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{
		{"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": motion},
	}}, nil)
}

// Eval runs a script in the page and waits for the promise that it may give.
func (c *Browser) Eval(script string, result any) {
	c.t.Helper()
	var r struct {
		Result struct {
			Value json.RawMessage
		}
		ExceptionDetails *struct {
			Exception struct{ Description string }
		}
	}
	c.Call("Runtime.evaluate", map[string]any{"expression": script, "awaitPromise": true, "returnByValue": true}, &r)
	if e := r.ExceptionDetails; e != nil {
		c.t.Fatalf("%s: %s", script, e.Exception.Description)
	}
	if result == nil {
		return
	}
	if err := json.Unmarshal(r.Result.Value, result); err != nil {
		c.t.Fatalf("%s gives %s: %v", script, r.Result.Value, err)
	}
}

// Wait waits until a condition holds in the page.
func (c *Browser) Wait(condition string) {
	c.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		var ok bool
		if c.Eval("Boolean("+condition+")", &ok); ok {
			return
		}
		if time.Now().After(deadline) {
			var text string
			c.Eval("document.body.innerText", &text)
			c.Healthy()
			c.t.Fatalf("after a minute %s is not so; the page says\n%s", condition, text)
		}
	}
}

// Mouse moves the mouse to a point, where it is pressed, dragged or released.
func (c *Browser) Mouse(kind string, x, y float64) {
	c.t.Helper()
	buttons := 1
	if kind == "mouseReleased" {
		buttons = 0
	}
	c.Call("Input.dispatchMouseEvent", map[string]any{"type": kind, "x": x, "y": y, "button": "left", "buttons": buttons, "clickCount": 1}, nil)
}

// Click clicks in the middle of an element.
func (c *Browser) Click(id string) {
	c.t.Helper()
	x, y, _, _ := c.Box(id)
	c.Mouse("mousePressed", x, y)
	c.Mouse("mouseReleased", x, y)
}

// Box scrolls an element into view and gives its middle and its size.
func (c *Browser) Box(id string) (x, y, width, height float64) {
	c.t.Helper()
	var box [4]float64
	c.Eval(fmt.Sprintf(`(() => { const e = document.getElementById(%q); e.scrollIntoView({block: 'nearest'});
		const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2, b.width, b.height] })()`, id), &box)
	return box[0], box[1], box[2], box[3]
}

// Key presses a key, such as "Tab" or " ".
func (c *Browser) Key(name string) {
	c.t.Helper()
	code := map[string]int{"Tab": 9, "Enter": 13, " ": 32, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}[name]
	down := map[string]any{"type": "keyDown", "key": name, "windowsVirtualKeyCode": code}
	if text := map[string]string{"Enter": "\r", " ": " "}[name]; text != "" {
		down["text"] = text
	}
	c.Call("Input.dispatchKeyEvent", down, nil)
	c.Call("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": name, "windowsVirtualKeyCode": code}, nil)
}

// Shoot writes a screenshot of the whole page.
func (c *Browser) Shoot(name string) {
	c.t.Helper()
	var shot struct{ Data string }
	c.Call("Page.captureScreenshot", map[string]any{"format": "png", "captureBeyondViewport": true}, &shot)
	b, err := base64.StdEncoding.DecodeString(shot.Data)
	if err != nil {
		c.t.Fatal(err)
	}
	dir := c.Shots
	if dir == "" {
		dir = c.t.TempDir()
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
		c.t.Fatal(err)
	}
}

// Set sets a control, as if somebody had.
func (c *Browser) Set(id, value string) {
	c.t.Helper()
	c.Eval(fmt.Sprintf("{const e = document.getElementById(%q); e.value = %q; e.dispatchEvent(new Event('input')); e.dispatchEvent(new Event('change'))}", id, value), nil)
}

// Reach presses the Tab key until an element has the focus.
func (c *Browser) Reach(id string) {
	c.t.Helper()
	for range 40 {
		var here string
		if c.Eval("document.activeElement.id", &here); here == id {
			return
		}
		c.Key("Tab")
	}
	c.t.Fatalf("the Tab key does not lead to %s", id)
}

// Shown is the greys of the picture on the page's canvas, -1 where there are none.
func (c *Browser) Shown() (greys []int) {
	c.t.Helper()
	c.Eval(shown, &greys)
	return greys
}

// shown reads the levels from the canvas: each pixel of the picture is a square.
const shown = `(() => {
	const canvas = document.getElementById('picture'), side = 20, width = canvas.width / side, height = canvas.height / side;
	const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data, greys = [];
	for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
		const at = 4 * ((y * side + 5) * canvas.width + x * side + 5);
		greys.push(data[at] === data[at + 1] && data[at] === data[at + 2] ? data[at] : -1);
	}
	return greys;
})()`

// Grows begins to watch the picture, and then tells how many different numbers of its pixels
// were seen.
func (c *Browser) Grows() (states func() int) {
	c.t.Helper()
	c.Eval(grows, nil)
	return func() (n int) {
		c.Eval("states.size", &n)
		return n
	}
}

// grows watches how many squares of the canvas are of one colour.
const grows = `globalThis.states = new Set();
(function look() {
	const canvas = document.getElementById('picture'), side = 20;
	const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
	let known = 0;
	for (let y = 0; y < canvas.height; y += side) for (let x = 0; x < canvas.width; x += side) {
		const at = 4 * (y * canvas.width + x);
		if (data[at] === data[at + 4 * side / 2]) known++;
	}
	states.add(known);
	requestAnimationFrame(look);
})()`

// Healthy fails the test where scripts have failed.
func (c *Browser) Healthy() {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.faults {
		c.t.Error("the page's script failed:", f)
	}
}
