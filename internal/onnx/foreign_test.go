package onnx

import (
	"archive/zip"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
)

// TestForeign: a file that is no model is named, with what to do.
func TestForeign(t *testing.T) {
	archive := func(name string) string {
		var b strings.Builder
		z := zip.NewWriter(&b)
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = w.Write([]byte("content"))
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	header := `{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`
	safe := string(binary.LittleEndian.AppendUint64(nil, uint64(len(header)))) + header + "\x00\x00\x80\x3f"
	for _, c := range []struct{ file, want string }{
		{"", "it is empty"},
		{"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "git lfs pull"},
		{archive("archive/data.pkl"), "a PyTorch file"},
		{archive("model.onnx"), "a zip archive"},
		{"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "a Python pickle"},
		{safe, "a SafeTensors file"},
		{"\x1f\x8b\x08\x00\x00\x00\x00\x00", "gzip"},
		{"\x89HDF\r\n\x1a\n\x00", "HDF5"},
		{"\x1c\x00\x00\x00TFL3\x14\x00", "TensorFlow Lite"},
		{"\x1c\x00\x00\x00ORTM\x14\x00", "(.ort)"},
		{"GGUF\x03\x00\x00\x00", "GGUF"},
		{"\n <!DOCTYPE html><html><body>Not found</body></html>", "a web page"},
		{"<HTML></HTML>", "a web page"},
		{`{"error": "not found"}`, "JSON"},
		{`<?xml version="1.0"?><Error/>`, "XML"},
	} {
		_, err := Unmarshal([]byte(c.file))
		if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.20q: error %v, want %q in it", c.file, err, c.want)
		}
	}
	if _, err := UnmarshalWithin([]byte(safe), Limits{FileBytes: 8}); !strings.Contains(err.Error(), "SafeTensors") {
		t.Errorf("over the limit: error %v", err)
	}
	b, err := Marshal(everything())
	if err != nil {
		t.Fatal(err)
	}
	if what := foreign(b); what != "" {
		t.Errorf("a model: %s", what)
	}
}
