package main

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

// chromium is a headless browser, driven by the DevTools protocol over a pipe:
// https://chromedevtools.github.io/devtools-protocol
type chromium struct {
	t       *testing.T
	out     io.Writer
	session string // of the page

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

// findChromium names the browser's program, "" where there is none.
func findChromium() string {
	for _, name := range []string{os.Getenv("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// startChromium opens a page.
func startChromium(t *testing.T, program, url string) *chromium {
	t.Helper()
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
	c := &chromium{t: t, out: toTest, waiting: map[int]chan answer{}}
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
	c.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	c.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	c.session = attached.SessionID
	c.call("Page.enable", nil, nil)
	c.call("Runtime.enable", nil, nil)
	c.look(1280, 900, "light", true)
	c.call("Page.navigate", map[string]any{"url": url}, nil)
	c.wait("location.href !== 'about:blank' && document.readyState === 'complete'")
	return c
}

// listen hands out answers until the pipe ends.
func (c *chromium) listen(from io.Reader) {
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

// call sends a command and waits for its result.
func (c *chromium) call(method string, params, result any) {
	c.t.Helper()
	if err := c.try(method, params, result); err != nil {
		c.t.Fatalf("%s: %v", method, err)
	}
}

func (c *chromium) try(method string, params, result any) error {
	got := make(chan answer, 1)
	c.mu.Lock()
	if c.waiting == nil {
		c.mu.Unlock()
		return errors.New("Chromium has ended")
	}
	c.next++
	id := c.next
	c.waiting[id] = got
	c.mu.Unlock()
	b, err := json.Marshal(map[string]any{"id": id, "method": method, "params": params, "sessionId": c.session})
	if params == nil {
		b, err = json.Marshal(map[string]any{"id": id, "method": method, "sessionId": c.session})
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
			return errors.New("Chromium has ended")
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

// look sets the size of the window, in CSS pixels, and what the reader prefers.
func (c *chromium) look(width, height int, scheme string, still bool) {
	c.t.Helper()
	motion := "no-preference"
	if still {
		motion = "reduce"
	}
	c.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}, nil)
	c.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{
		{"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": motion},
	}}, nil)
}

// eval runs a script in the page and waits for the promise that it may give.
func (c *chromium) eval(script string, result any) {
	c.t.Helper()
	var r struct {
		Result struct {
			Value json.RawMessage
		}
		ExceptionDetails *struct {
			Exception struct{ Description string }
		}
	}
	c.call("Runtime.evaluate", map[string]any{"expression": script, "awaitPromise": true, "returnByValue": true}, &r)
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

// wait waits until a condition holds in the page.
func (c *chromium) wait(condition string) {
	c.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		var ok bool
		if c.eval("Boolean("+condition+")", &ok); ok {
			return
		}
		if time.Now().After(deadline) {
			var text string
			c.eval("document.body.innerText", &text)
			c.healthy()
			c.t.Fatalf("after a minute %s is not so; the page says\n%s", condition, text)
		}
	}
}

// mouse moves the mouse to a point, where it is pressed, dragged or released.
func (c *chromium) mouse(kind string, x, y float64) {
	c.t.Helper()
	buttons := 1
	if kind == "mouseReleased" {
		buttons = 0
	}
	c.call("Input.dispatchMouseEvent", map[string]any{"type": kind, "x": x, "y": y, "button": "left", "buttons": buttons, "clickCount": 1}, nil)
}

// click clicks in the middle of an element.
func (c *chromium) click(id string) {
	c.t.Helper()
	x, y, _, _ := c.box(id)
	c.mouse("mousePressed", x, y)
	c.mouse("mouseReleased", x, y)
}

// box scrolls an element into view and gives its middle and its size.
func (c *chromium) box(id string) (x, y, width, height float64) {
	c.t.Helper()
	var box [4]float64
	c.eval(fmt.Sprintf(`(() => { const e = document.getElementById(%q); e.scrollIntoView({block: 'nearest'});
		const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2, b.width, b.height] })()`, id), &box)
	return box[0], box[1], box[2], box[3]
}

// key presses a key, such as "Tab" or " ".
func (c *chromium) key(name string) {
	c.t.Helper()
	code := map[string]int{"Tab": 9, "Enter": 13, " ": 32, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}[name]
	down := map[string]any{"type": "keyDown", "key": name, "windowsVirtualKeyCode": code}
	if text := map[string]string{"Enter": "\r", " ": " "}[name]; text != "" {
		down["text"] = text
	}
	c.call("Input.dispatchKeyEvent", down, nil)
	c.call("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": name, "windowsVirtualKeyCode": code}, nil)
}

// shoot writes a screenshot of the whole page.
func (c *chromium) shoot(name string) {
	c.t.Helper()
	var shot struct{ Data string }
	c.call("Page.captureScreenshot", map[string]any{"format": "png", "captureBeyondViewport": true}, &shot)
	b, err := base64.StdEncoding.DecodeString(shot.Data)
	if err != nil {
		c.t.Fatal(err)
	}
	dir := *shots
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

// healthy fails the test where scripts have failed.
func (c *chromium) healthy() {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.faults {
		c.t.Error("the page's script failed:", f)
	}
}
