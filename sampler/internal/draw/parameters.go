package draw

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"pixelcnn/internal/likelihood"
	"pixelcnn/internal/signature"
)

// Parameters are the sampling parameters: they decide, with an image's number, what is
// drawn. The zero value draws from the model as it is. The filters TopK, TopP and MinP leave
// levels out, in the order that Filters says. The names in JSON are those of manifests and of the
// server's requests.
type Parameters struct {
	// Temperature divides the log-probabilities: below 1 the draws keep to the likely, above 1
	// they stray. 0 means 1; it must be positive and finite.
	Temperature float64 `json:"temperature"`
	// TemperatureEnd, where not 0, is the temperature of the last row; from
	// Temperature, that of the first, it changes by the same amount from row to row.
	TemperatureEnd float64 `json:"temperature_end"`
	// Greedy takes the likeliest level of each symbol, the lower one of two alike. It
	// excludes the others but the seed.
	Greedy bool `json:"greedy"`
	// TopK leaves the TopK likeliest levels of each symbol, equal ones by level; 0
	// means all, as does a number over the model's levels.
	TopK int `json:"top_k"`
	// TopP leaves the fewest levels, the likeliest first, that have this probability
	// together; 0 means all, as does 1.
	TopP float64 `json:"top_p"`
	// MinP leaves the levels with at least this share of the likeliest one's
	// probability; 0 means all.
	MinP float64 `json:"min_p"`
	// Filters is the order in which the temperature and the filters apply, each to what those
	// before it have left: their names, with commas between. What it does not name must not be set.
	// The default is [DefaultFilters].
	Filters string `json:"filters"`
	// Seed chooses the images: image i of a seed is always the same one, whatever
	// the batch, the threads and the engine.
	Seed uint64 `json:"seed"`
}

// Check validates the parameters, but for what depends on the model. The error wraps
// [signature.ErrConfig].
func (p Parameters) Check() error {
	for _, t := range []struct {
		name  string
		value float64
	}{{"temperature", p.Temperature}, {"temperature end", p.TemperatureEnd}} {
		if t.value < 0 || math.IsNaN(t.value) || math.IsInf(t.value, 0) {
			return fmt.Errorf("%w: %s is %g, must be a positive number", signature.ErrConfig, t.name, t.value)
		}
	}
	if p.TopK < 0 {
		return fmt.Errorf("%w: top-k is %d, must not be negative", signature.ErrConfig, p.TopK)
	}
	for _, share := range []struct {
		name  string
		value float64
	}{{"top-p", p.TopP}, {"min-p", p.MinP}} {
		if !(share.value >= 0 && share.value <= 1) {
			return fmt.Errorf("%w: %s is %g, must be from 0 to 1", signature.ErrConfig, share.name, share.value)
		}
	}
	if err := p.checkFilters(); err != nil || !p.Greedy {
		return err
	}
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"temperature", p.Temperature != 0},
		{"temperature end", p.TemperatureEnd != 0},
		{"top-k", p.TopK != 0},
		{"top-p", p.TopP != 0},
		{"min-p", p.MinP != 0},
	} {
		if f.set {
			return fmt.Errorf("%w: greedy and %s exclude each other: greedy takes the likeliest level", signature.ErrConfig, f.name)
		}
	}
	return nil
}

// DefaultFilters is the order of filters where none is given.
const DefaultFilters = "temperature,top-k,top-p,min-p"

// order is that of the filters, by name.
func (p Parameters) order() []string { return strings.Split(cmp.Or(p.Filters, DefaultFilters), ",") }

func (p Parameters) checkFilters() error {
	order := p.order()
	for i, name := range order {
		switch {
		case !slices.Contains(strings.Split(DefaultFilters, ","), name):
			return fmt.Errorf("%w: filters is %q: %q is none of %s", signature.ErrConfig, p.Filters, name, DefaultFilters)
		case slices.Contains(order[:i], name):
			return fmt.Errorf("%w: filters is %q: %s is there twice", signature.ErrConfig, p.Filters, name)
		}
	}
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"temperature", p.Temperature != 0 && p.Temperature != 1 || p.TemperatureEnd != 0 && p.TemperatureEnd != 1},
		{"top-k", p.TopK != 0},
		{"top-p", p.TopP != 0},
		{"min-p", p.MinP != 0},
	} {
		if f.set && !slices.Contains(order, f.name) {
			return fmt.Errorf("%w: filters is %q, which leaves out %s, and that is set", signature.ErrConfig, p.Filters, f.name)
		}
	}
	return nil
}

// step is a filter, or top-k and then top-p; what is 0 is off.
type step struct {
	topK       int
	topP, minP float64
}

// steps are the filters that leave out something of so many levels, before the temperature and after it.
func (p Parameters) steps(levels int) (before, after []step) {
	now := &after
	for i, name := range p.order() {
		next := step{}
		switch {
		case name == "temperature":
			// Where it is 1, or the likeliest are the same before and after, all can come after it.
			now = &after
			before, after = after, nil
			if p.ranked(p.order()[:i]) {
				before, after = nil, before
			}
			continue
		case name == "top-k" && p.TopK > 0 && p.TopK < levels:
			next.topK = p.TopK
		case name == "top-p" && p.TopP > 0 && p.TopP < 1:
			next.topP = p.TopP
		case name == "min-p" && p.MinP > 0:
			next.minP = p.MinP
		default:
			continue
		}
		if n := len(*now); n > 0 && next.topP > 0 && (*now)[n-1] == (step{topK: p.TopK}) {
			(*now)[n-1].topP = next.topP
			continue
		}
		*now = append(*now, next)
	}
	return before, after
}

// ranked tells whether filters leave the same before the temperature as after it.
func (p Parameters) ranked(filters []string) bool {
	one := p.Temperature == 1 && (p.TemperatureEnd == 0 || p.TemperatureEnd == 1)
	return one || !slices.Contains(filters, "top-p") && !slices.Contains(filters, "min-p")
}

// How is parameters made ready for a model. Rows share it; it does not change.
type How struct {
	Parameters
	byRow         []float64 // temperatures, [H]; nil where all are alike
	filtered      bool      // there is more to do than the temperature
	before, after []step    // filters, by when they apply: before the temperature or after it
}

// For checks the parameters and makes them ready for a model of that head, whose images
// have height rows.
func (p Parameters) For(head likelihood.Head, height int) (*How, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	if p.Temperature == 0 {
		p.Temperature = 1
	}
	h := &How{Parameters: p, byRow: p.temperatures(height)}
	h.before, h.after = p.steps(head.Levels())
	h.filtered = p.Greedy || len(h.before)+len(h.after) > 0
	return h, nil
}

// temperatures is that of each row: in equal steps from the first row's to the last row's.
// It is nil where all are alike.
func (p Parameters) temperatures(height int) []float64 {
	if p.TemperatureEnd == 0 || p.TemperatureEnd == p.Temperature || height == 1 {
		return nil
	}
	t := make([]float64, height)
	least, greatest := min(p.Temperature, p.TemperatureEnd), max(p.Temperature, p.TemperatureEnd)
	for y := range t {
		share := float64(y) / float64(height-1)
		row := float64(p.Temperature*(1-share)) + float64(p.TemperatureEnd*share)
		t[y] = min(max(row, least), greatest) // rounding could make it 0 or infinite
	}
	return t
}

// At is the temperature of a row of pixels.
func (h *How) At(y int) float64 {
	if h.byRow != nil {
		return h.byRow[y]
	}
	return h.Temperature
}

// Coldest is the least temperature of all rows.
func (h *How) Coldest() float64 {
	coldest := h.Temperature
	for _, t := range h.byRow {
		coldest = min(coldest, t)
	}
	return coldest
}

// Same tells whether all rows have the same temperature.
func (h *How) Same() bool { return h.byRow == nil }
