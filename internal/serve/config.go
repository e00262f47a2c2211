package serve

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"time"
)

// ErrConfig is wrapped by every error about a setting.
var ErrConfig = errors.New("serve: invalid configuration")

// Config says how a server works. The zero value is a useful one.
type Config struct {
	// Threads is how many batches are drawn at once. 0 means one for each processor.
	Threads int
	// Batch is the greatest number of images that are drawn together. Default 64.
	Batch int
	// Window is how long a batch waits for more while others are being drawn. Default 1 ms;
	// negative means not at all. A request that comes alone never waits.
	Window time.Duration
	// Queue is how many requests may wait or be under way at once. Default 256.
	Queue int
	// Timeout is how long a request may take. Default 1 minute.
	Timeout time.Duration
	// Grace is how long what was accepted may take once the server is told to stop.
	// Default 30 seconds.
	Grace time.Duration

	MaxImages int   // of a request. Default 1,000
	MaxPixels int   // of a request's images, those that are not kept and enlarged ones included. Default 2²²
	MaxBody   int64 // bytes of a request. Default 16 MiB

	// Keys are those of which a client must send one, as "Authorization: Bearer KEY". Where
	// there are none, everybody may use the server.
	Keys []string
	// Origins are those whose pages may use the server from a browser (CORS), as
	// "https://example.org".
	Origins []string
	// Log takes a record of each request, and what the server has to say. Default: nothing.
	Log *slog.Logger
}

func (c Config) withDefaults() (Config, error) {
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"Threads", int64(c.Threads)},
		{"Batch", int64(c.Batch)},
		{"Queue", int64(c.Queue)},
		{"Timeout", int64(c.Timeout)},
		{"Grace", int64(c.Grace)},
		{"MaxImages", int64(c.MaxImages)},
		{"MaxPixels", int64(c.MaxPixels)},
		{"MaxBody", c.MaxBody},
	} {
		if f.value < 0 {
			return c, fmt.Errorf("%w: %s is %d, must not be negative", ErrConfig, f.name, f.value)
		}
	}
	for i, key := range c.Keys {
		if len(key) < 8 {
			return c, fmt.Errorf("%w: key %d has less than 8 characters", ErrConfig, i+1)
		}
	}
	for _, origin := range c.Origins {
		if err := http.NewCrossOriginProtection().AddTrustedOrigin(origin); err != nil {
			return c, fmt.Errorf("%w: origin %q must be like https://example.org", ErrConfig, origin)
		}
	}
	c.Threads = cmp.Or(c.Threads, runtime.GOMAXPROCS(0))
	c.Batch = cmp.Or(c.Batch, 64)
	c.Window = max(0, cmp.Or(c.Window, time.Millisecond))
	c.Queue = cmp.Or(c.Queue, 256)
	c.Timeout = cmp.Or(c.Timeout, time.Minute)
	c.Grace = cmp.Or(c.Grace, 30*time.Second)
	c.MaxImages = cmp.Or(c.MaxImages, 1000)
	c.MaxPixels = cmp.Or(c.MaxPixels, 1<<22)
	c.MaxBody = cmp.Or(c.MaxBody, 16<<20)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

// Loopback tells whether an address to listen at is one that only this machine reaches.
func Loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// What the samplers of a server should be opened with: a draw on one thread, as there are
// several at once, and room for batches of many sizes.
const (
	Threads = 1
	Idle    = 256 << 20
)
