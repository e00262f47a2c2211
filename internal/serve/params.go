package serve

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"mime/multipart"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"pixelcnn/sampler"
)

// params are the fields of a request. Those that are not there are nil, as those that are null.
// Clients send others, which mean nothing here.
type params struct {
	Model          *string  `json:"model"`
	Prompt         *string  `json:"prompt"` // the class, by name or number
	N              *int     `json:"n"`
	Size           *string  `json:"size"`
	ResponseFormat *string  `json:"response_format"`
	OutputFormat   *string  `json:"output_format"`
	Stream         *bool    `json:"stream"`
	PartialImages  *int     `json:"partial_images"`
	First          *uint64  `json:"first"` // the number of the first image
	Seed           *uint64  `json:"seed"`
	Temperature    *float64 `json:"temperature"`
	TemperatureEnd *float64 `json:"temperature_end"`
	Greedy         *bool    `json:"greedy"`
	TopK           *int     `json:"top_k"`
	TopP           *float64 `json:"top_p"`
	MinP           *float64 `json:"min_p"`
	BestOf         *int     `json:"best_of"`
	Particles      *int     `json:"particles"`

	Levels json.RawMessage `json:"levels"` // pictures to score, [n][H][W], or [n][H][W][C] where there are channels
}

// or is what p points to, or a default.
func or[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
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
	var p *params
	var wrong *json.UnmarshalTypeError
	switch err := json.Unmarshal(body, &p); {
	case errors.As(err, &wrong) && wrong.Field != "":
		return nil, wrongType(wrong.Field, "a "+wrong.Value, wrong.Type)
	case err != nil:
		return nil, invalid("", "the request is no JSON object: %v", err)
	case p == nil:
		return nil, invalid("", "the request is null, must be a JSON object")
	}
	return p, p.query(r)
}

// fields are the fields that text can set, by name.
func (p *params) fields() map[string]reflect.Value {
	fields := map[string]reflect.Value{}
	for i, v := 0, reflect.ValueOf(p).Elem(); i < v.NumField(); i++ {
		if v.Field(i).Kind() == reflect.Pointer {
			fields[v.Type().Field(i).Tag.Get("json")] = v.Field(i)
		}
	}
	return fields
}

// query takes from a URL's query what the body does not say: some clients cannot add a field to
// what they send.
func (p *params) query(r *http.Request) error {
	for name, field := range p.fields() {
		if text := r.URL.Query().Get(name); text != "" && field.IsNil() {
			if err := setField(field, name, text); err != nil {
				return err
			}
		}
	}
	return nil
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
	p := &params{}
	fields := p.fields()
	var files []upload
	for count := 0; ; count++ {
		part, err := parts.NextPart()
		if err == io.EOF { // wrapped, it is a form that was cut off
			return p, files, p.query(r)
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

// setField sets a field from text.
func setField(field reflect.Value, name, text string) error {
	if text == "" && field.Type().Elem().Kind() != reflect.String {
		return nil
	}
	value := reflect.New(field.Type().Elem())
	var err error
	switch to := value.Interface().(type) {
	case *string:
		*to = text
	case *bool:
		*to, err = strconv.ParseBool(text)
	case *int:
		*to, err = strconv.Atoi(text)
	case *uint64:
		*to, err = strconv.ParseUint(text, 10, 64)
	case *float64:
		*to, err = strconv.ParseFloat(text, 64)
	}
	if err != nil {
		return wrongType(name, fmt.Sprintf("%.40q", text), field.Type().Elem())
	}
	field.Set(value)
	return nil
}

// parameters are the sampling parameters. A seed that is not given is any.
func (p *params) parameters() (sampler.Parameters, error) {
	out := sampler.Parameters{
		Temperature: or(p.Temperature, 0), TemperatureEnd: or(p.TemperatureEnd, 0), Greedy: or(p.Greedy, false),
		TopK: or(p.TopK, 0), TopP: or(p.TopP, 0), MinP: or(p.MinP, 0),
		Seed: or(p.Seed, rand.Uint64N(1<<53)), // which JavaScript can read
	}
	for name, t := range map[string]*float64{"temperature": p.Temperature, "temperature_end": p.TemperatureEnd} {
		if t != nil && !(*t > 0) {
			return out, invalid(name, "%s is %g, must be positive; greedy takes the likeliest level", name, *t)
		}
	}
	if p.TemperatureEnd != nil && p.Temperature == nil {
		out.Temperature = 1
	}
	return out, nil
}

// class is the class that the prompt names; nil for any.
func (p *params) class(m *Model) ([]int, error) {
	name := strings.TrimSpace(or(p.Prompt, ""))
	if name == "" {
		return nil, nil
	}
	class, err := m.Signature().Class(name)
	if err != nil {
		return nil, invalid("prompt", "prompt: %s", explained(err).Message)
	}
	return []int{class}, nil
}
