package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"pixelcnn/internal/onnx"
	"pixelcnn/runtime"
	"pixelcnn/sampler"
)

// colourModel is a network of random weights for RGB pictures of 4×4 pixels and 4 levels: a
// pixel's logits look at the pixel above.
func colourModel(t *testing.T) []byte {
	t.Helper()
	rng := rand.New(rand.NewPCG(4, 0))
	w := make([]float32, 12*3*9)
	for i := range w {
		if i%9 == 1 { // the tap above
			w[i] = float32(2 * rng.NormFloat64())
		}
	}
	g := &onnx.Graph{Name: "colour"}
	n, side := onnx.Free("batch"), onnx.Fixed(4)
	x := g.Input("image", onnx.Float32, n, onnx.Fixed(3), side, side)
	y := g.Op("Conv", onnx.Attrs{"kernel_shape": []int64{3, 3}, "pads": []int64{1, 1, 1, 1}}, x, onnx.Const("", onnx.NewTensor(w, 12, 3, 3, 3)))
	g.Output(y, "logits", onnx.Float32, n, onnx.Fixed(12), side, side)
	file, err := onnx.Marshal(&onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g})
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// TestColour: images with channels, in each form, inpainted and scored.
func TestColour(t *testing.T) {
	rt, err := runtime.Go()
	if err != nil {
		t.Fatal(err)
	}
	lib, err := sampler.Open(rt, colourModel(t), sampler.Config{Head: "categorical", Levels: 4, Channels: 3, OutputLayout: "N(CL)HW"})
	if err != nil {
		t.Fatal(err)
	}
	defer lib.Close()
	s, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Ready(Model{Name: "colour", Sampler: lib}); err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(s)
	defer func() {
		web.Close()
		s.Close()
		http.DefaultClient.CloseIdleConnections()
	}()
	type answer struct {
		Data []struct {
			B64JSON []byte `json:"b64_json"`
			Levels  [][][]uint16
			LogProb float64
		}
		Usage usage
	}
	ask := func(body string) (a answer) {
		t.Helper()
		status, b := post(t, web.URL+"/v1/images/generations", body)
		if err := json.Unmarshal(b, &a); err != nil || status != 200 {
			t.Fatalf("status %d, %s, error %v", status, b, err)
		}
		return a
	}
	req := sampler.Request{N: 1, Parameters: sampler.Parameters{Seed: 3}}
	drawn := func(req sampler.Request) (want sampler.Sample) {
		for want, err = range lib.Samples(context.Background(), req) {
			if err != nil {
				t.Fatal(err)
			}
		}
		return want
	}
	want := drawn(req)
	got := ask(`{"seed":3,"output_format":"json"}`)
	if levels := slices.Concat(slices.Concat(got.Data[0].Levels...)...); !slices.Equal(levels, want.Levels) || got.Usage.OutputTokens != 48 {
		t.Errorf("levels %v, want %v; usage %+v", levels, want.Levels, got.Usage)
	}
	if b := ask(`{"seed":3,"output_format":"npy"}`).Data[0].B64JSON; !bytes.Contains(b, []byte("(1, 4, 4, 3)")) || len(b) != 128+48 {
		t.Errorf("the array is %q", b)
	}
	img, err := png.Decode(bytes.NewReader(ask(`{"seed":3,"size":"8x8"}`).Data[0].B64JSON))
	if err != nil || img.Bounds().Dx() != 8 {
		t.Fatalf("error %v", err)
	}
	for y := range 8 {
		for x := range 8 {
			l := want.Levels[(y/2*4+x/2)*3:]
			if c := color.NRGBAModel.Convert(img.At(x, y)); c != (color.NRGBA{uint8(l[0]) * 85, uint8(l[1]) * 85, uint8(l[2]) * 85, 255}) {
				t.Fatalf("pixel (%d, %d) is %v, its levels %v", x, y, c, l[:3])
			}
		}
	}

	// The picture with its lower half transparent.
	half := image.NewNRGBA(image.Rect(0, 0, 4, 4))
	in := sampler.Inpainting{Picture: want.Levels, Mask: make([]bool, 48)}
	for k := range 24 {
		in.Mask[k] = true
	}
	for k := range 8 {
		l := want.Levels[3*k:]
		half.SetNRGBA(k%4, k/4, color.NRGBA{uint8(l[0]) * 85, uint8(l[1]) * 85, uint8(l[2]) * 85, 255})
	}
	req.Seed, req.Inpainting = 8, in
	kind, body := formOf(t, map[string]string{"seed": "8", "output_format": "json"}, map[string]image.Image{"image": half})
	res, err := http.Post(web.URL+"/v1/images/edits", kind, body)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(res.Body)
	res.Body.Close()
	if err := json.Unmarshal(b, &got); err != nil || !slices.Equal(slices.Concat(slices.Concat(got.Data[0].Levels...)...), drawn(req).Levels) || got.Usage.InputTokens != 24 {
		t.Errorf("inpainted: %s, error %v", b, err)
	}

	logs, err := lib.LogProb(context.Background(), want.Levels)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := json.Marshal(map[string]any{"levels": []any{nested(lib.Signature(), want.Levels)}})
	status, b := post(t, web.URL+"/v1/score", string(text))
	if err := json.Unmarshal(b, &got); err != nil || status != 200 || *hundredths(logs[0]) != got.Data[0].LogProb {
		t.Errorf("status %d, %s; want %g", status, b, logs[0])
	}
}
