package serve

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"mime"
	"mime/multipart"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"pixelcnn/sampler"
)

// params are the fields of a request, with the defaults where they are not there, or null. Clients
// send others, which mean nothing here.
type params struct {
	Model          string `json:"model"`
	Prompt         string `json:"prompt"` // the class, by name or number
	N              int    `json:"n"`
	Size           string `json:"size"`
	ResponseFormat string `json:"response_format"`
	OutputFormat   string `json:"output_format"`
	Stream         bool   `json:"stream"`
	PartialImages  int    `json:"partial_images"`
	First          uint64 `json:"first"` // the number of the first image
	BestOf         int    `json:"best_of"`
	Particles      int    `json:"particles"`
	sampler.Parameters

	Levels json.RawMessage `json:"levels"` // pictures to score, [n][H][W], or [n][H][W][C] where there are channels
}

// newParams are the defaults, and what a URL's query says: some clients cannot add a field to what
// they send, which goes before it.
func newParams(r *http.Request) (*params, error) {
	p := &params{N: 1, BestOf: 1, Particles: 1}
	p.Seed = rand.Uint64N(1 << 53)                           // which JavaScript can read
	p.Temperature, p.TemperatureEnd = math.NaN(), math.NaN() // so that a 0 is seen
	for name, field := range p.fields() {
		if text := r.URL.Query().Get(name); text != "" {
			if err := setField(field, name, text); err != nil {
				return nil, err
			}
		}
	}
	return p, nil
}

// readJSON reads a request's body.
func readJSON(r *http.Request) (*params, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, newError(http.StatusUnsupportedMediaType, invalidRequest, "", "unsupported_media_type", "Content-Type is %q, must be application/json", r.Header.Get("Content-Type"))
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, unread(err)
	}
	p, err := newParams(r)
	if err != nil {
		return nil, err
	}
	fields := p
	var wrong *json.UnmarshalTypeError
	switch err := json.Unmarshal(body, &fields); {
	case errors.As(err, &wrong) && wrong.Field != "":
		return nil, wrongType(wrong.Field[strings.LastIndex(wrong.Field, ".")+1:], "a "+wrong.Value, wrong.Type)
	case err != nil:
		return nil, invalid("", "the request is no JSON object: %v", err)
	case fields == nil:
		return nil, invalid("", "the request is null, must be a JSON object")
	}
	return p, nil
}

// fields are the fields that text can set, by name.
func (p *params) fields() map[string]reflect.Value {
	fields := map[string]reflect.Value{}
	v := reflect.ValueOf(p).Elem()
	for _, f := range reflect.VisibleFields(v.Type()) {
		if name := f.Tag.Get("json"); name != "" && f.Type.Kind() != reflect.Slice {
			fields[name] = v.FieldByIndex(f.Index)
		}
	}
	return fields
}

// unread is why a body could not be read.
func unread(err error) error {
	var long *http.MaxBytesError
	if errors.As(err, &long) {
		return err
	}
	return invalid("", "the request cannot be read: %v", err)
}

// wrongType names a field of a wrong type.
func wrongType(field, is string, want reflect.Type) error {
	name := map[reflect.Kind]string{
		reflect.String: "a string", reflect.Bool: "true or false", reflect.Float64: "a number", reflect.Int: "an integer",
		reflect.Uint64: "an integer from 0 to 2⁶⁴−1", reflect.Uint16: "an integer from 0 to 65535", reflect.Slice: "a list",
	}[want.Kind()]
	if name == "" {
		name = "an object"
	}
	e := invalid(field, "%s is %s, must be %s", field, is, name)
	code := "invalid_type"
	e.Code = &code
	return e
}

// upload is a file of a form.
type upload struct {
	field, name string
	data        []byte
}

// readForm reads a request of several parts: the fields, and the files.
func readForm(r *http.Request) (*params, []upload, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "multipart/form-data" {
		return nil, nil, newError(http.StatusUnsupportedMediaType, invalidRequest, "", "unsupported_media_type", "Content-Type is %q, must be multipart/form-data", r.Header.Get("Content-Type"))
	}
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, nil, invalid("", "the form cannot be read: %v", err)
	}
	p, err := newParams(r)
	if err != nil {
		return nil, nil, err
	}
	fields := p.fields()
	var files []upload
	for count := 0; ; count++ {
		part, err := parts.NextPart()
		if err == io.EOF { // wrapped, it is a form that was cut off
			return p, files, nil
		}
		if err != nil {
			return nil, nil, unread(err)
		}
		if count == maxParts {
			return nil, nil, invalid("", "the form has more than %d parts", maxParts)
		}
		name := strings.TrimSuffix(part.FormName(), "[]")
		field, isField := fields[name]
		if !isField && name != "image" && name != "mask" {
			continue // the reader passes over what is left of it
		}
		data, err := io.ReadAll(part)
		if err != nil {
			return nil, nil, unread(err)
		}
		if !isField {
			files = append(files, upload{name, fileName(part), data})
			continue
		}
		if err := setField(field, name, string(data)); err != nil {
			return nil, nil, err
		}
	}
}

// maxParts bounds the parts of a form; each picture is one.
const maxParts = 1100

func fileName(part *multipart.Part) string {
	if name := part.FileName(); name != "" {
		return name
	}
	return part.FormName()
}

// setField sets a field from text; empty text says nothing.
func setField(field reflect.Value, name, text string) error {
	if text == "" {
		return nil
	}
	var err error
	switch to := field.Addr().Interface().(type) {
	case *string:
		*to = text
	case *bool:
		*to, err = strconv.ParseBool(text)
	case *int:
		*to, err = strconv.Atoi(text)
	case *uint64:
		*to, err = strconv.ParseUint(text, 10, 64)
	case *float64:
		if *to, err = strconv.ParseFloat(text, 64); math.IsNaN(*to) {
			err = strconv.ErrSyntax
		}
	}
	if err != nil {
		return wrongType(name, fmt.Sprintf("%.40q", text), field.Type())
	}
	return nil
}

// parameters are the sampling parameters.
func (p *params) parameters() (sampler.Parameters, error) {
	out := p.Parameters
	for name, t := range map[string]*float64{"temperature": &out.Temperature, "temperature_end": &out.TemperatureEnd} {
		switch {
		case math.IsNaN(*t):
			*t = 0
		case !(*t > 0):
			return out, invalid(name, "%s is %g, must be positive; greedy takes the likeliest level", name, *t)
		}
	}
	if out.TemperatureEnd > 0 && out.Temperature == 0 {
		out.Temperature = 1
	}
	return out, nil
}

// class is the class that the prompt names; nil for any.
func (p *params) class(m *Model) ([]int, error) {
	name := strings.TrimSpace(p.Prompt)
	if name == "" {
		return nil, nil
	}
	class, err := m.Signature().Class(name)
	if err != nil {
		return nil, invalid("prompt", "prompt: %s", explained(err).Message)
	}
	return []int{class}, nil
}
