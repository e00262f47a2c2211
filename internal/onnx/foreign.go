package onnx

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
)

// foreign tells what a file is that people take for an ONNX file, and what to do about it; "" where
// it does not know.
func foreign(b []byte) string {
	begins := func(magic string) bool { return bytes.HasPrefix(b, []byte(magic)) }
	text := bytes.ToLower(bytes.TrimLeft(b[:min(len(b), 512)], "\xef\xbb\xbf \t\r\n"))
	const export = "export the network with torch.onnx.export"
	switch {
	case len(b) == 0:
		return "it is empty"
	case begins("version https://git-lfs"):
		return "it is a git-lfs pointer, not the file that it points to; fetch that with git lfs pull"
	case begins("PK\x03\x04") && bytes.Contains(b, []byte("data.pkl")):
		return "it is a PyTorch file (.pt, .pth); " + export
	case begins("PK\x03\x04"), begins("PK\x05\x06"):
		return "it is a zip archive; unpack it and give the .onnx file in it"
	case len(b) > 1 && b[0] == 0x80 && b[1] >= 2 && b[1] <= 5:
		return "it is a Python pickle, as older PyTorch files (.pt, .pth) are; " + export
	case begins("\x1f\x8b"):
		return "it is compressed by gzip; unpack it"
	case begins("\x89HDF\r\n"):
		return "it is an HDF5 file, as Keras writes; convert the model to ONNX"
	case begins("GGUF"):
		return "it is a GGUF file, which is no ONNX file"
	case len(b) > 8 && string(b[4:8]) == "TFL3":
		return "it is a TensorFlow Lite file; convert the model to ONNX"
	case len(b) > 8 && string(b[4:8]) == "ORTM":
		return "it is in ONNX Runtime's own format (.ort); give the .onnx file that it was made of"
	case safeTensors(b):
		return "it is a SafeTensors file, which holds weights and no network; load them in Python and " + export
	case bytes.HasPrefix(text, []byte("<!doctype html")), bytes.HasPrefix(text, []byte("<html")):
		return "it is a web page, not the file; download that itself"
	case bytes.HasPrefix(text, []byte("<?xml")):
		return "it is XML"
	case json.Valid(b):
		return "it is JSON"
	}
	return ""
}

// safeTensors tells a file that begins with the length of a JSON object and that object.
func safeTensors(b []byte) bool {
	if len(b) < 10 {
		return false
	}
	n := binary.LittleEndian.Uint64(b)
	return n >= 2 && n <= uint64(len(b)-8) && json.Valid(b[8:8+n])
}
