package main

import (
	"context"
	"fmt"
	"pixelcnn/runtime"
)

// network prints what the network itself makes of a black picture, without a sampler.
func network(ctx context.Context, rt runtime.Runtime, model *runtime.Model) error {
	session, err := rt.Load(model, runtime.SessionOptions{})
	if err != nil {
		return err
	}
	defer session.Close()
	inputs, err := blank(session.Inputs())
	if err != nil {
		return err
	}
	outputs, err := blank(session.Outputs())
	if err != nil {
		return err
	}
	if err := once(ctx, session, inputs, outputs); err != nil {
		return err
	}
	fmt.Println("logits", outputs[0].Shape)
	return nil
}

// once runs a network once.
func once(ctx context.Context, session runtime.Session, inputs, outputs []*runtime.Tensor) error {
	var binding runtime.Binding
	var err error
	if binding, err = session.Bind(inputs, outputs); err != nil {
		return err
	}
	defer binding.Close()
	return binding.Run(ctx)
}

// blank makes tensors of zeros, of one image where the batch is free.
func blank(infos []runtime.ValueInfo) ([]*runtime.Tensor, error) {
	var tensors []*runtime.Tensor
	for _, info := range infos {
		t, n := &runtime.Tensor{}, 1
		for _, size := range info.Shape {
			t.Shape = append(t.Shape, max(1, size))
			n *= max(1, size)
		}
		switch info.DType {
		case runtime.Float32:
			t.Data = make([]float32, n)
		case runtime.Int64:
			t.Data = make([]int64, n)
		default:
			return nil, fmt.Errorf("%s is %v", info.Name, info.DType)
		}
		tensors = append(tensors, t)
	}
	return tensors, nil
}
