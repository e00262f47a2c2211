package verify

import (
	"context"
	"errors"
	"fmt"
	"math"

	"pixelcnn/internal/format"
	"pixelcnn/internal/onnx"
)

// Tolerance is the largest difference that two readers' logits may have. Rounding makes
// one of some 1e-5.
const Tolerance = 1e-4

// Reader names the second reader, with the versions that are built in.
const Reader = "onnx-go v0.5.0 on gorgonia v0.9.18"

// Bounds of a batch: gorgonnx is slow. Of more classes than fit, some are tried that are
// spread evenly.
const (
	maxClasses = 16
	maxPixels  = 8192
)

// Result is what a comparison has found.
type Result struct {
	MaxDiff float64 // the largest absolute difference of two logits, at most [Tolerance]
	Images  int     // that were compared
	Classes int     // that were tried; 0 where the model has none
}

// A DifferenceError is a logit on which the readers differ by more than [Tolerance], or
// which is no number.
type DifferenceError struct {
	Index     [4]int  // of the logit: image, level, row, column
	Run, Read float32 // what rt and the second reader make of it
}

// Diff is the absolute difference, NaN where one of the logits is no number.
func (e *DifferenceError) Diff() float64 { return difference(e.Run, e.Read) }

func (e *DifferenceError) Error() string {
	return fmt.Sprintf("verify: a logit is %g to the runtime and %g to %s, a difference of %.2g, over %g (image %d, level %d, row %d, column %d)",
		e.Run, e.Read, Reader, e.Diff(), Tolerance, e.Index[0], e.Index[1], e.Index[2], e.Index[3])
}

// ErrFile is wrapped where a file is not one that package export writes.
var ErrFile = errors.New("not a file of the exporter")

// A ReadError is a file that the second reader cannot evaluate.
type ReadError struct{ Err error }

func (e *ReadError) Error() string { return fmt.Sprintf("verify: %s: %v", Reader, e.Err) }

func (e *ReadError) Unwrap() error { return e.Err }

// File evaluates an exported file with rt and with onnx-go on some images, alone and
// several at a time, and returns the largest difference of their logits. Beside images of
// random levels there are shaded shapes, a white one and a black one; a class-conditional
// model sees all its classes, or some where there are many. The same file gives the same
// images.
//
// The error is a [*DifferenceError] where the largest difference is over [Tolerance], a
// [*ReadError] where onnx-go cannot read the file, wraps [ErrFile], or is that of rt.
func File(ctx context.Context, rt onnx.Runtime, file []byte) (Result, error) {
	m, err := onnx.UnmarshalWithin(file, onnx.LimitsOf(rt))
	if err != nil {
		return Result{}, fmt.Errorf("verify: %w", err)
	}
	s, err := readSubject(m.Graph)
	if err != nil {
		return Result{}, fmt.Errorf("verify: %w", err)
	}
	s.file = file
	session, err := rt.Load(m, onnx.SessionOptions{})
	if err != nil {
		return Result{}, fmt.Errorf("verify: %w", err)
	}
	var result Result
	seen := map[int64]bool{}
	for _, classes := range s.batches() {
		err = s.compare(ctx, session, classes, &result)
		if err != nil {
			break
		}
		for _, class := range classes {
			seen[class] = true
		}
	}
	if s.classes > 0 {
		result.Classes = len(seen)
	}
	if e := session.Close(); err == nil && e != nil {
		err = fmt.Errorf("verify: %w", e)
	}
	return result, err
}

// subject is the file under test.
type subject struct {
	file                  []byte
	levels, height, width int
	classes               int // 0 where there is no class input
}

// readSubject reads the sizes from the graph.
func readSubject(g *onnx.Graph) (_ *subject, err error) {
	if len(g.Inputs) == 0 || g.Inputs[0].Name != format.Image || len(g.Inputs[0].Shape) != 4 {
		return nil, fmt.Errorf("%w: it has no input %q of rank 4", ErrFile, format.Image)
	}
	if len(g.Outputs) != 1 || g.Outputs[0].Name != format.Logits || len(g.Outputs[0].Shape) != 4 {
		return nil, fmt.Errorf("%w: it has no single output %q of rank 4", ErrFile, format.Logits)
	}
	in, out := onnx.Sizes(g.Inputs[0].Shape), onnx.Sizes(g.Outputs[0].Shape)
	s := &subject{levels: out[1], height: in[2], width: in[3]}
	if in[1] != 1 || s.levels < 2 || s.height < 1 || s.width < 1 || out[2] != s.height || out[3] != s.width {
		return nil, fmt.Errorf("%w: an image of shape %v and logits of shape %v do not fit", ErrFile, in, out)
	}
	switch {
	case len(g.Inputs) == 1:
		return s, nil
	case len(g.Inputs) > 2 || g.Inputs[1].Name != format.Label:
		return nil, fmt.Errorf("%w: it has an input beside %q and %q", ErrFile, format.Image, format.Label)
	}
	s.classes, err = countClasses(g, g.Inputs[1])
	return s, err
}

// batches are the images to try: for each batch the class of each image, which means
// nothing where there are no classes.
func (s *subject) batches() [][]int64 {
	most := max(2, maxPixels/(s.height*s.width))
	if s.classes == 0 {
		return [][]int64{{0}, make([]int64, min(4, most))}
	}
	last := s.classes - 1
	classes := make([]int64, max(2, min(s.classes, maxClasses, most)))
	for i := range classes {
		classes[i] = int64(i * last / (len(classes) - 1))
	}
	return [][]int64{{int64(last)}, classes}
}

// compare adds the images of a batch to the result.
func (s *subject) compare(ctx context.Context, session onnx.Session, classes []int64, result *Result) error {
	n := len(classes)
	image := onnx.NewTensor(s.images(n), n, 1, s.height, s.width)
	want, err := s.evaluate(ctx, session, image, classes)
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	file := s.file
	if s.classes > 0 {
		if file, err = specialise(s.file, classes, s.height, s.width); err != nil {
			return fmt.Errorf("verify: specialising to classes %v: %w", classes, err)
		}
	}
	got, err := read(file, image)
	if err != nil {
		return &ReadError{err}
	}
	if fmt.Sprint(got.Shape) != fmt.Sprint(want.Shape) {
		return &ReadError{fmt.Errorf("logits of shape %v, should be %v", got.Shape, want.Shape)}
	}
	worst, at := 0.0, -1
	b := got.Floats()
	for i, a := range want.Floats() {
		if d := difference(a, b[i]); !(d <= worst) {
			worst, at = d, i
			if math.IsNaN(d) {
				break
			}
		}
	}
	if !(worst <= Tolerance) {
		e := &DifferenceError{Run: want.Floats()[at], Read: b[at]}
		for axis := 3; axis >= 0; axis-- {
			e.Index[axis] = at % want.Shape[axis]
			at /= want.Shape[axis]
		}
		return e
	}
	result.MaxDiff = max(result.MaxDiff, worst)
	result.Images += n
	return nil
}

// difference is NaN where a logit is, or both are the same infinity.
func difference(a, b float32) float64 { return math.Abs(float64(a) - float64(b)) }

// evaluate returns the logits of the images, [N, levels, H, W], by ONNX Runtime.
func (s *subject) evaluate(ctx context.Context, session onnx.Session, image *onnx.Tensor, classes []int64) (_ *onnx.Tensor, err error) {
	n := len(classes)
	inputs := []*onnx.Tensor{image}
	if s.classes > 0 {
		inputs = append(inputs, onnx.NewTensor(classes, n))
	}
	out := onnx.NewTensor(make([]float32, n*s.levels*s.height*s.width), n, s.levels, s.height, s.width)
	b, err := session.Bind(inputs, []*onnx.Tensor{out})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	return out, b.Run(ctx)
}
