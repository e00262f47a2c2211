package serve

import (
	"encoding/base64"
	"math"
	"net/http"
	"time"

	"pixelcnn/sampler"
)

// imageObject is an image as the API sends it. What follows revised_prompt is our own.
type imageObject struct {
	B64JSON       string   `json:"b64_json,omitempty"`
	RevisedPrompt string   `json:"revised_prompt,omitempty"` // the name of its class
	Index         uint64   `json:"index"`
	Seed          uint64   `json:"seed"`
	Class         *int     `json:"class"`
	LogProb       *float64 `json:"logprob"` // null where it has none that is a number
	Levels        any      `json:"levels,omitempty"`
}

// usage counts symbols, as others count tokens: output those that were drawn, input those
// that were given.
type usage struct {
	TotalTokens  int          `json:"total_tokens"`
	InputTokens  int          `json:"input_tokens"`
	OutputTokens int          `json:"output_tokens"`
	InputDetails usageDetails `json:"input_tokens_details"`
}

type usageDetails struct {
	TextTokens  int `json:"text_tokens"`
	ImageTokens int `json:"image_tokens"`
}

// usage is that of n of the images.
func (a *asked) usage(n int) usage {
	u := usage{InputTokens: n * a.given, OutputTokens: n * a.candidates() * (a.model.Signature().Symbols() - a.given)}
	u.TotalTokens, u.InputDetails.ImageTokens = u.InputTokens+u.OutputTokens, u.InputTokens
	return u
}

// object is an image in the form in which it was asked for.
func (a *asked) object(s sampler.Sample) (imageObject, error) {
	sig := a.model.Signature()
	o := imageObject{Index: s.Index, Seed: a.req.Seed, LogProb: hundredths(s.LogProb)}
	if s.Class >= 0 {
		o.Class = &s.Class
		if s.Class < len(sig.Classes) {
			o.RevisedPrompt = sig.Classes[s.Class]
		}
	}
	if a.format == "json" {
		o.Levels = nested(sig, s.Levels)
		return o, nil
	}
	b, err := a.file(sig, s.Levels, nil)
	o.B64JSON = base64.StdEncoding.EncodeToString(b)
	return o, err
}

// hundredths is x to a hundredth; nil where it is no number that JSON has.
func hundredths(x float64) *float64 {
	if math.IsInf(x, 0) || math.IsNaN(x) {
		return nil
	}
	x = math.Round(x*100)/100 + 0 // no -0
	return &x
}

// described is what an answer says of the request.
type described struct {
	Model        string `json:"model"`
	Size         string `json:"size"`
	OutputFormat string `json:"output_format"`
	Background   string `json:"background"`
	Quality      string `json:"quality"`
}

func (a *asked) described() described {
	return described{a.model.Name, a.size(a.model.Signature()), a.format, "opaque", "high"}
}

// send answers with all images.
func (s *Server) send(w http.ResponseWriter, a *asked, samples []sampler.Sample) error {
	all := struct {
		Created int64         `json:"created"`
		Data    []imageObject `json:"data"`
		described
		Usage usage `json:"usage"`
	}{time.Now().Unix(), make([]imageObject, len(samples)), a.described(), a.usage(a.n)}
	for i, sample := range samples {
		var err error
		if all.Data[i], err = a.object(sample); err != nil {
			return err
		}
	}
	s.metrics.images.WithLabelValues(a.model.Name).Add(float64(len(samples)))
	answer(w, http.StatusOK, all)
	return nil
}
