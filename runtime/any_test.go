package runtime

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"
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
	model := &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: graph}
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
// without, on a processor where the runtime in Go is the faster one and on another.
func TestOpenAny(t *testing.T) {
	ort := PureGo // what is there
	if _, err := libraryVersion(""); !errors.Is(err, ErrNoCgo) {
		ort = ORT
	}
	check := func(t *testing.T, kind Kind, fast bool, want Kind, fell bool) {
		t.Helper()
		rt, err := openAny(kind, Config{}, fast)
		if err != nil {
			t.Fatalf("%q: %v", kind, err)
		}
		used, why := rt.Kind()
		if used != want || errors.Is(why, ErrNoRuntime) != fell || (why != nil) != fell {
			t.Errorf("%q, fast %v: opens %q because of %v, want %q", kind, fast, used, why, want)
		}
		runs(t, rt)
		if err := rt.Close(); err != nil {
			t.Error(err)
		}
	}
	for _, fast := range []bool{false, true} {
		auto := ort
		if fast {
			auto = PureGo
		}
		check(t, "", fast, auto, auto != ORT && !fast)
		check(t, Auto, fast, auto, auto != ORT && !fast)
		check(t, PureGo, fast, PureGo, false)
		if ort == ORT {
			check(t, ORT, fast, ORT, false)
		}
	}
	if _, err := OpenAny("java", Config{}); !errors.Is(err, ErrKind) {
		t.Errorf("java: error %v, want ErrKind", err)
	}
	t.Run("named", func(t *testing.T) {
		lib, err := Locate("")
		if err != nil || ort != ORT {
			t.Skip("no ONNX Runtime to name")
		}
		t.Setenv(settings[0], lib)
		check(t, Auto, true, ORT, false)
	})
	t.Run("none", func(t *testing.T) {
		hide(t)
		check(t, Auto, false, PureGo, true)
		check(t, Auto, true, PureGo, false)
		check(t, PureGo, false, PureGo, false)
		if _, err := OpenAny(ORT, Config{}); !errors.Is(err, ErrNoRuntime) {
			t.Errorf("error %v, want ErrNoRuntime", err)
		}
		// A library that is named and cannot be used is never skipped.
		for _, fast := range []bool{false, true} {
			if _, err := openAny(Auto, Config{Lib: "none.so"}, fast); err == nil {
				t.Error("no error for a library that is not there")
			}
		}
		t.Setenv(settings[0], "none.so")
		for _, fast := range []bool{false, true} {
			if _, err := openAny(Auto, Config{}, fast); ort == ORT && err == nil {
				t.Error("no error for a library that the environment names and is not there")
			}
		}
	})
}

// TestOpenAnySecond loads a model with an operator that only ONNX Runtime has.
func TestOpenAnySecond(t *testing.T) {
	graph := &onnx.Graph{}
	x := graph.Input("x", onnx.Float32, onnx.Shape(1, 1, 2, 2)...)
	graph.Output(graph.Op("GlobalLpPool", nil, x), "y", onnx.Float32, onnx.Shape(1, 1, 1, 1)...)
	model := &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: graph}
	load := func(rt *Any) error {
		s, err := rt.Load(model, onnx.SessionOptions{})
		if err != nil {
			return err
		}
		return errors.Join(s.Close(), rt.Close())
	}
	rt, err := openAny(Auto, Config{}, true)
	if err != nil {
		t.Fatal(err)
	}
	if _, missing := libraryVersion(""); errors.Is(missing, ErrNoCgo) {
		t.Log("without cgo")
	} else if err := load(rt); err != nil {
		t.Error(err)
	}
	if rt, err = OpenAny(PureGo, Config{}); err != nil {
		t.Fatal(err)
	}
	if err := load(rt); !errors.Is(err, ErrOperator) || !strings.HasSuffix(err.Error(), "; ONNX Runtime may be able to: --runtime ort") {
		t.Errorf("error %v, want ErrOperator and what to do", err)
	}
	t.Run("none", func(t *testing.T) {
		hide(t)
		rt, err := openAny(Auto, Config{}, false)
		if err != nil {
			t.Fatal(err)
		}
		if err := load(rt); !errors.Is(err, ErrNoRuntime) || !errors.Is(err, ErrOperator) {
			t.Errorf("slow: error %v, want ErrOperator and ErrNoRuntime", err)
		}
		rt, err = openAny(Auto, Config{}, true)
		if err != nil {
			t.Fatal(err)
		}
		if err := load(rt); !errors.Is(err, ErrNoRuntime) || !errors.Is(err, ErrOperator) {
			t.Errorf("error %v, want ErrOperator and ErrNoRuntime", err)
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
	fmt.Println(used == ORT && why == nil || used == PureGo && (why == nil || errors.Is(why, ErrNoRuntime)))
	// Output: true
}

// TestZeroAny: one that OpenAny did not make says so.
func TestZeroAny(t *testing.T) {
	var a Any
	if _, err := a.Load(nil, onnx.SessionOptions{}); !errors.Is(err, ErrClosed) {
		t.Errorf("Load: error %v", err)
	}
	if err := a.Close(); err != nil {
		t.Errorf("Close: error %v", err)
	}
}
