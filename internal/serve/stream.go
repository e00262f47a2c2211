package serve

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"pixelcnn/sampler"
)

// streamed answers with events: pictures of images while they are drawn, and the images as they
// are done. https://html.spec.whatwg.org/multipage/server-sent-events.html
func (s *Server) streamed(w http.ResponseWriter, a *asked) error {
	partials := make(chan partial, a.n*a.partial)
	if a.partial > 0 && a.candidates() == 1 {
		a.req.Watch = a.snapshots(partials)
	}
	e := &events{w: w, control: http.NewResponseController(w)}
	part := func(from int, samples []sampler.Sample) error {
		for _, sample := range samples {
			if err := s.completed(e, a, sample); err != nil {
				return err
			}
		}
		return nil
	}
	err := s.collectWatching(a.job, partials, part, func(p partial) error { return a.sendPartial(e, p) })
	if err != nil && e.begun { // the status is sent; an event says it
		return e.send("error", map[string]any{"type": "error", "error": explained(err)})
	}
	return err
}

// completed sends an image.
func (s *Server) completed(e *events, a *asked, sample sampler.Sample) error {
	o, err := a.object(sample)
	if err != nil {
		return err
	}
	kind := a.kind + ".completed"
	s.metrics.images.WithLabelValues(a.model.Name).Inc()
	return e.send(kind, struct {
		Type      string `json:"type"`
		CreatedAt int64  `json:"created_at"`
		imageObject
		described
		Usage usage `json:"usage"`
	}{kind, time.Now().Unix(), o, a.described(), a.usage(1)})
}

// partial is an image under way.
type partial struct {
	index  uint64 // of the image
	number int    // of the pictures of it
	levels []uint16
	known  []bool
}

// snapshots sends each image to partials whenever so much of it is known that a picture is
// due: a.partial times, in equal parts.
func (a *asked) snapshots(partials chan<- partial) func(sampler.Step) {
	type progress struct{ due, sent int }
	images := make([]progress, a.n) // each is drawn by one thread
	symbols := a.model.Signature().Symbols()
	return func(st sampler.Step) {
		for i := range len(st.Known) / symbols {
			known := st.Known[i*symbols : (i+1)*symbols]
			decided := 0
			for _, k := range known {
				if k {
					decided++
				}
			}
			index := st.First + uint64(i)
			of := &images[index-a.req.First]
			due := (decided - a.given) * (a.partial + 1) / max(1, symbols-a.given)
			if due <= of.due || decided == symbols {
				continue
			}
			of.due = due
			levels := slices.Clone(st.Levels[i*symbols : (i+1)*symbols])
			for k := range levels {
				if !known[k] {
					levels[k] = 0
				}
			}
			partials <- partial{index, of.sent, levels, slices.Clone(known)}
			of.sent++
		}
	}
}

// sendPartial sends an image under way.
func (a *asked) sendPartial(e *events, p partial) error {
	sig := a.model.Signature()
	kind := a.kind + ".partial_image"
	event := struct {
		Type      string `json:"type"`
		CreatedAt int64  `json:"created_at"`
		Number    int    `json:"partial_image_index"`
		Index     uint64 `json:"index"`
		B64JSON   string `json:"b64_json"`
		described
		Levels any `json:"levels,omitempty"`
		Known  any `json:"known,omitempty"`
	}{kind, time.Now().Unix(), p.number, p.index, "", a.described(), nil, nil}
	f := a.form
	if f.format == "json" || sig.Colour() == "" {
		known := make([]uint16, len(p.known))
		for k, yes := range p.known {
			if yes {
				known[k] = 1
			}
		}
		event.Levels, event.Known = nested(sig, p.levels), nested(sig, known)
		return e.send(kind, event)
	}
	f.format = "png"
	b, err := f.file(sig, p.levels, p.known)
	if err != nil {
		return err
	}
	event.B64JSON = base64.StdEncoding.EncodeToString(b)
	return e.send(kind, event)
}

// events is a stream of them.
type events struct {
	w       http.ResponseWriter
	control *http.ResponseController
	begun   bool
}

// send sends one at once.
func (e *events) send(kind string, data any) error {
	b, err := json.Marshal(data)
	if err != nil {
		return err
	}
	if !e.begun {
		e.w.Header().Set("Content-Type", "text/event-stream")
		e.w.Header().Set("Cache-Control", "no-store")
		e.w.WriteHeader(http.StatusOK)
		e.begun = true
	}
	if _, err := fmt.Fprintf(e.w, "event: %s\ndata: %s\n\n", kind, b); err != nil {
		return fmt.Errorf("serve: the client does not read: %w", err)
	}
	return e.control.Flush()
}
