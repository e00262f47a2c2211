package serve

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"pixelcnn/internal/format"
	"pixelcnn/internal/signature/encoding"
	"pixelcnn/sampler"
)

// Model is a model with the name by which clients ask for it.
type Model struct {
	Name string
	*sampler.Sampler
	Created time.Time // of its file; zero where that is not known
	// Conditions are what each image is given, as in a [sampler.Request].
	Conditions map[string]*sampler.Tensor
}

// modelObject is a model as the API lists it. What follows owned_by is our own.
type modelObject struct {
	ID       string   `json:"id"`
	Object   string   `json:"object"`
	Created  int64    `json:"created"`
	OwnedBy  string   `json:"owned_by"`
	Height   int      `json:"height"`
	Width    int      `json:"width"`
	Channels int      `json:"channels"`
	Levels   int      `json:"levels"`
	Greys    []int    `json:"greys"`   // that show the levels of a channel, 0 to 255
	Palette  []string `json:"palette"` // colours that the levels are, as #rrggbbaa; else null
	Classes  []string `json:"classes"`
}

func (m *Model) object() modelObject {
	sig := m.Signature()
	o := modelObject{ID: m.Name, Object: "model", OwnedBy: "pixelcnn", Height: sig.Height, Width: sig.Width, Channels: sig.Channels, Levels: sig.Levels, Classes: sig.Classes}
	if !m.Created.IsZero() {
		o.Created = m.Created.Unix()
	}
	for level := range sig.Levels {
		o.Greys = append(o.Greys, encoding.Shade(level, sig.Levels, 256))
	}
	if sig.Colour() == format.PaletteIndex {
		for _, c := range sig.Meta.Palette {
			o.Palette = append(o.Palette, fmt.Sprintf("#%02x%02x%02x%02x", c.R, c.G, c.B, c.A))
		}
	}
	return o
}

// model finds a model by name; the first one where the name is empty.
func (s *Server) model(name string) (*Model, error) {
	models := s.models.Load()
	if models == nil {
		return nil, notReady()
	}
	if name == "" {
		return (*models)[0], nil
	}
	if at := slices.IndexFunc(*models, func(m *Model) bool { return m.Name == name }); at >= 0 {
		return (*models)[at], nil
	}
	return nil, noModel(name)
}

func (s *Server) listModels(w http.ResponseWriter, _ *http.Request) error {
	models := s.models.Load()
	if models == nil {
		return notReady()
	}
	list := []modelObject{}
	for _, m := range *models {
		list = append(list, m.object())
	}
	answer(w, http.StatusOK, map[string]any{"object": "list", "data": list})
	return nil
}

func (s *Server) getModel(w http.ResponseWriter, r *http.Request) error {
	m, err := s.model(r.PathValue("id"))
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, m.object())
	return nil
}
