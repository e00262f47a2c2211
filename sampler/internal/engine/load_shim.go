package engine

import "pixelcnn/internal/onnx"

func load(rt onnx.Runtime, m *onnx.Model) (onnx.Session, error) {
	b, err := onnx.Marshal(m)
	if err != nil {
		return nil, err
	}
	return rt.Load(b, onnx.SessionOptions{})
}
