package train

import (
	"testing"

	"pixelcnn/dataset"
	"pixelcnn/internal/onnx"
	"pixelcnn/internal/runtimetest"
	"pixelcnn/models"
	"pixelcnn/runtime"
)

var (
	ort     *runtime.Env // ONNX Runtime
	another onnx.Runtime // which tests use in its place; nil for none
)

// env is the runtime that a test trains with.
func env() onnx.Runtime {
	if another != nil {
		return another
	}
	return ort
}

// runtimes are those that train.
var runtimes = []struct {
	name    string
	runtime func() onnx.Runtime
}{
	{"ort", func() onnx.Runtime { return ort }},
	{"go", func() onnx.Runtime { return inGo }},
}

// inGo is the runtime in Go.
var inGo = func() onnx.Runtime {
	rt, err := runtime.Go()
	if err != nil {
		panic(err)
	}
	return rt
}()

func TestMain(m *testing.M) { runtimetest.Main(m, &ort) }

// stripes makes n images with something to learn: diagonal stripes of a period and a
// phase that depend on the image. Its class is the period's.
func stripes(n, size, levels int) *dataset.Split {
	s := &dataset.Split{Size: size}
	for i := range n {
		s.Labels = append(s.Labels, uint8(i%3))
		for p := range size * size {
			s.Pixels = append(s.Pixels, uint16((p/size+(1+i%3)*(p%size)+i)/2%levels))
		}
	}
	return s
}

// small is a model that trains in no time.
func small(t testing.TB) *models.Model {
	t.Helper()
	m, err := models.New(models.Config{Hidden: 6, Blocks: 2, Kernel: 5, Size: 5, Levels: 3})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// classed is small with three classes.
func classed(t testing.TB) *models.Model {
	t.Helper()
	m, err := models.New(models.Config{Hidden: 6, Blocks: 2, Kernel: 5, Size: 5, Levels: 3, Classes: 3})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// start makes a trainer of a few images a pass, closed at the end of the test.
func start(t testing.TB, m *models.Model, data *dataset.Split, cfg Config) *Trainer {
	t.Helper()
	tr, err := New(env(), m, data, cfg)
	if err != nil {
		t.Fatal(err)
	}
	tr.engine.images = 3
	t.Cleanup(func() {
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
	})
	return tr
}
