package onnx

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestInfos(t *testing.T) {
	values := []*Value{
		{Name: "a", DType: Float32, Shape: []Dim{Free("n"), Fixed(3)}},
		{Name: "b", DType: Int64},
	}
	got, err := Infos("input", values)
	if err != nil {
		t.Fatal(err)
	}
	want := []ValueInfo{{"a", Float32, []int{-1, 3}}, {"b", Int64, nil}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	clone := CloneInfos(got)
	clone[0].Shape[0] = 7
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the clone shares its shape: %s", diff)
	}
	values[1].DType = 10 // float16
	if _, err := Infos("output", values); err == nil || !strings.Contains(err.Error(), `output "b" has element type dtype(10)`) {
		t.Errorf("error %v, want one that names b and its type", err)
	}
}

func TestFit(t *testing.T) {
	infos := []ValueInfo{{"a", Float32, []int{-1, 3}}, {"b", Int64, nil}}
	a, b := NewTensor(make([]float32, 6), 2, 3), NewTensor(make([]int64, 2), 1, 2, 1)
	if err := Fit("input", infos, []*Tensor{a, b}); err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		name string
		a, b *Tensor
		want string
	}{
		{"nil", a, nil, `no tensor for "b"`},
		{"type", NewTensor(make([]float64, 6), 2, 3), b, `"a" has element type float64, the graph wants float32`},
		{"no data", &Tensor{Shape: []int{2, 3}}, b, `"a" has element type dtype(0), the graph wants float32`},
		{"size", NewTensor(make([]float32, 8), 2, 4), b, `"a" has shape [2 4], the graph wants [-1 3]`},
		{"rank", NewTensor(make([]float32, 3), 3), b, `"a" has shape [3], the graph wants [-1 3]`},
		{"length", &Tensor{Shape: []int{2, 3}, Data: make([]float32, 5)}, b, `"a" has shape [2 3], hence 6 elements, but 5 are there`},
		{"negative", &Tensor{Shape: []int{-1, 3}, Data: make([]float32, 3)}, b, "negative dimension"},
		{"negative where anything goes", a, &Tensor{Shape: []int{-2}, Data: []int64{1}}, "negative dimension"},
	} {
		if err := Fit("input", infos, []*Tensor{c.a, c.b}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %s", c.name, err, c.want)
		}
	}
	if err := Fit("output", infos, []*Tensor{a}); err == nil || err.Error() != "1 output tensors, the graph has 2 outputs" {
		t.Errorf("one tensor of two: error %v", err)
	}
	var shape *ShapeError
	if err := Fit("input", infos[:1], []*Tensor{NewTensor([]float32{1}, 1)}); !errors.As(err, &shape) || shape.Name != "a" {
		t.Errorf("error %v, want a ShapeError of a", err)
	}
	var dtype *TypeError
	if err := Fit("input", infos[:1], []*Tensor{NewTensor([]bool{true}, 1)}); !errors.As(err, &dtype) || dtype.Got != Bool {
		t.Errorf("error %v, want a TypeError of bool", err)
	}
}
