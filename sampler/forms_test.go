package sampler_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pixelcnn/internal/goruntime"
	"pixelcnn/internal/onnx"
	"pixelcnn/sampler"
)

// fileForm is a form in which others write model files, of testdata/forms, and what is to
// come of it.
type fileForm struct {
	ort     bool   // only ONNX Runtime has its operators, and only the full loop draws it
	full    bool   // the compiler need not take it
	refused string // what its error says
}

// fileForms are those that are not drawn by both runtimes and both engines.
var fileForms = func() map[string]fileForm {
	out := map[string]fileForm{
		"infinite_bias": {refused: `element 3 of "net.net.4.bias" is -Inf`},
	}
	for _, name := range strings.Fields("dropout_script dropout_dynamo batchnorm_script") {
		out["training_"+name] = fileForm{refused: "call model.eval()"}
	}
	for _, name := range strings.Fields("ort_relu_layout ort_relu_all ort_gelu_all ort_mixed_all") {
		out[name] = fileForm{refused: "one kind of processor"}
	}
	for _, name := range strings.Fields("loop_script loop_stack_script loop_cat_script scan scan_dynamo lstm_dynamo lstm_script gru_dynamo gru_script rnn_script") {
		out[name] = fileForm{ort: true}
	}
	for _, name := range strings.Fields("qdq qdq_channel operator operator_channel operator_matmul operator_silu") {
		out["quantised_"+name] = fileForm{ort: true}
	}
	for _, name := range strings.Fields("ort_mixed_extended ort_mixed_tanh_extended ort_scaled_extended quantised_dynamic_matmul microsoft") {
		out[name] = fileForm{full: true}
	}
	return out
}()

// formReference is a JSON of testdata/forms; see make.py there.
type formReference struct {
	Height, Width, Levels int
	Score                 struct {
		Levels  [][]uint16
		LogProb []float64
	}
	Draws []struct {
		Seed        uint64
		Temperature float64
		Levels      [][]uint16
	}
}

// TestFileForms reads every file of testdata/forms by its path, and draws and scores as its
// reference says, by all runtimes and engines that can.
func TestFileForms(t *testing.T) {
	files, err := filepath.Glob("testdata/forms/*.onnx")
	if err != nil || len(files) < 60 {
		t.Fatalf("%d files, error %v", len(files), err)
	}
	for _, path := range files {
		name := strings.TrimSuffix(filepath.Base(path), ".onnx")
		form := fileForms[name]
		t.Run(name, func(t *testing.T) {
			if form.refused != "" {
				_, err := sampler.OpenFile(env, path, sampler.Config{})
				if err == nil || !strings.Contains(err.Error(), form.refused) || strings.Contains(err.Error(), "\n") {
					t.Errorf("error %v, want %q in it", err, form.refused)
				}
				return
			}
			var want formReference
			b, err := os.ReadFile(strings.TrimSuffix(path, "onnx") + "json")
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(b, &want); err != nil {
				t.Fatal(err)
			}
			backends(t, func(t *testing.T, rt onnx.Runtime, engine sampler.Engine) {
				s, err := sampler.OpenFile(rt, path, sampler.Config{Engine: engine})
				unsupported := (*sampler.UnsupportedError)(nil)
				switch {
				case form.ort && rt != onnx.Runtime(env):
					if !goruntime.Unsupported(err) && !errors.As(err, &unsupported) {
						t.Errorf("error %v", err)
					}
					return
				case (form.ort || form.full) && engine == sampler.Incremental && errors.As(err, &unsupported):
					return
				case err != nil:
					t.Fatal(err)
				}
				defer s.Close()
				checkReference(t, s, want)
			})
			// With its metadata and its weights inside it is the same model.
			whole, err := sampler.AnnotateFile(path, sampler.Config{}, sampler.Annotation{})
			if err != nil {
				t.Fatal(err)
			}
			s, err := sampler.Open(env, whole, sampler.Config{Engine: sampler.Full})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			checkReference(t, s, want)
		})
	}
	for name := range fileForms {
		if !slices.Contains(files, "testdata/forms/"+name+".onnx") {
			t.Errorf("there is no file %s", name)
		}
	}
}

// checkReference compares a sampler's scores and draws with a reference.
func checkReference(t *testing.T, s *sampler.Sampler, want formReference) {
	t.Helper()
	if sig := s.Signature(); sig.Height != want.Height || sig.Width != want.Width || sig.Levels != want.Levels {
		t.Fatalf("%d×%d pixels of %d levels", sig.Height, sig.Width, sig.Levels)
	}
	scores, err := s.LogProb(context.Background(), slices.Concat(want.Score.Levels...))
	if err != nil {
		t.Fatal(err)
	}
	for i, got := range scores {
		if math.Abs(got-want.Score.LogProb[i]) > 1e-4 {
			t.Errorf("image %d scores %v, want %v", i, got, want.Score.LogProb[i])
		}
	}
	for _, d := range want.Draws {
		all := slices.Concat(d.Levels...)
		got := make([]uint16, len(all))
		req := sampler.Request{N: len(d.Levels), Parameters: sampler.Parameters{Seed: d.Seed, Temperature: d.Temperature}}
		if err := s.Draw(context.Background(), req, got); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, all) {
			t.Errorf("at temperature %v it draws %v, want %v", d.Temperature, got, all)
		}
	}
}
