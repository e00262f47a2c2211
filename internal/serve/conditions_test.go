package serve

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"slices"
	"testing"

	"pixelcnn/runtime"
	"pixelcnn/sampler"
)

// TestConditions: what a model is given is given to each image, drawn or scored.
func TestConditions(t *testing.T) {
	rt, err := runtime.Go()
	if err != nil {
		t.Fatal(err)
	}
	lib, err := sampler.OpenFile(rt, "../../sampler/testdata/zoo/dynamo/condition_map.onnx", sampler.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lib.Close() })
	top := &sampler.Tensor{Shape: []int{2, 4, 4}, Data: make([]int64, 32)} // a row for each of two images
	for i := range 16 {
		top.Data.([]int64)[16+i] = int64(i % 4)
	}
	m := Model{Name: "map", Sampler: lib, Conditions: map[string]*sampler.Tensor{"top": top}}
	s, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := Warm(context.Background(), m); err != nil {
		t.Fatal(err)
	}
	if err := s.Ready(m); err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(s)
	t.Cleanup(func() {
		web.Close()
		s.Close()
	})
	status, b := post(t, web.URL+"/v1/images/generations", `{"n":2,"seed":3,"output_format":"json"}`)
	got := read(t, status, b)
	var pictures [][][]uint16
	var logs []float64
	for want, err := range lib.Samples(context.Background(), sampler.Request{N: 2, Parameters: sampler.Parameters{Seed: 3}, Conditions: m.Conditions}) {
		if err != nil {
			t.Fatal(err)
		}
		d := got.Data[len(pictures)]
		if !slices.Equal(flat(d.Levels), want.Levels) {
			t.Errorf("image %d is another one", want.Index)
		}
		pictures, logs = append(pictures, d.Levels), append(logs, want.LogProb)
	}
	body, err := json.Marshal(map[string]any{"levels": pictures})
	if err != nil {
		t.Fatal(err)
	}
	status, b = post(t, web.URL+"/v1/score", string(body))
	for i, d := range read(t, status, b).Data {
		if diff := d.LogProb - logs[i]; diff > 0.011 || diff < -0.011 {
			t.Errorf("picture %d has %g, want %g", i, d.LogProb, logs[i])
		}
	}
	if status, b := post(t, web.URL+"/v1/images/generations", `{"n":3}`); status != 400 {
		t.Errorf("an image without a row: status %d, %s", status, b)
	}
}
