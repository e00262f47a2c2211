package runtime

import (
	"context"
	"errors"
	"fmt"
	"log"
	"testing"

	"pixelcnn/internal/onnx"
)

// hide makes the system look like one without ONNX Runtime.
func hide(t *testing.T) {
	t.Helper()
	for _, name := range settings {
		t.Setenv(name, "")
	}
	empty := t.TempDir()
	for _, name := range []string{"HOME", "XDG_CACHE_HOME", "LocalAppData"} {
		t.Setenv(name, empty)
	}
	if lib, err := Locate(""); err == nil {
		t.Skipf("the system has %s for everybody", lib)
	}
}

// runs tells whether a runtime can add.
func runs(t *testing.T, rt onnx.Runtime) {
	t.Helper()
	graph := &onnx.Graph{}
	x := graph.Input("x", onnx.Float32, onnx.Fixed(2))
	graph.Output(graph.Op("Add", nil, x, x), "y", onnx.Float32, onnx.Fixed(2))
	model, err := onnx.Marshal(&onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: graph})
	if err != nil {
		t.Fatal(err)
	}
	s, err := rt.Load(model, onnx.SessionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	y := make([]float32, 2)
	b, err := s.Bind([]*onnx.Tensor{onnx.NewTensor([]float32{1, 2}, 2)}, []*onnx.Tensor{onnx.NewTensor(y, 2)})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := b.Run(context.Background()); err != nil || y[0] != 2 || y[1] != 4 {
		t.Errorf("1+1, 2+2 = %v, error %v", y, err)
	}
}

// TestOpenAny asks for each kind, with ONNX Runtime where this build can have it, and
// without.
func TestOpenAny(t *testing.T) {
	ort := PureGo // what is there
	if _, err := libraryVersion(""); !errors.Is(err, ErrNoCgo) {
		ort = ORT
	}
	check := func(t *testing.T, kind, want Kind, fell bool) {
		t.Helper()
		rt, err := OpenAny(kind, Config{})
		if err != nil {
			t.Fatalf("%q: %v", kind, err)
		}
		used, why := rt.Kind()
		if used != want || errors.Is(why, ErrNoRuntime) != fell || (why != nil) != fell {
			t.Errorf("%q opens %q because of %v, want %q", kind, used, why, want)
		}
		runs(t, rt)
		if err := rt.Close(); err != nil {
			t.Error(err)
		}
	}
	check(t, "", ort, ort != ORT)
	check(t, Auto, ort, ort != ORT)
	check(t, PureGo, PureGo, false)
	if ort == ORT {
		check(t, ORT, ORT, false)
	}
	if _, err := OpenAny("java", Config{}); !errors.Is(err, ErrKind) {
		t.Errorf("java: error %v, want ErrKind", err)
	}
	t.Run("none", func(t *testing.T) {
		hide(t)
		check(t, Auto, PureGo, true)
		check(t, PureGo, PureGo, false)
		if _, err := OpenAny(ORT, Config{}); !errors.Is(err, ErrNoRuntime) {
			t.Errorf("error %v, want ErrNoRuntime", err)
		}
		// A library that is named and cannot be used is never skipped.
		if _, err := OpenAny(Auto, Config{Lib: "none.so"}); err == nil {
			t.Error("no error for a library that is not there")
		}
		t.Setenv(settings[0], "none.so")
		if _, err := OpenAny(Auto, Config{}); ort == ORT && err == nil {
			t.Error("no error for a library that the environment names and is not there")
		}
	})
}

// A program that draws with whatever there is.
func ExampleOpenAny() {
	rt, err := OpenAny(Auto, Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer rt.Close()
	used, why := rt.Kind()
	fmt.Println(used == ORT && why == nil || used == PureGo && errors.Is(why, ErrNoRuntime))
	// Output: true
}
