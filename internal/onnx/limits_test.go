package onnx

func testDecoder() *decoder {
	l, err := Limits{}.WithDefaults()
	if err != nil {
		panic(err)
	}
	return &decoder{limits: l}
}
