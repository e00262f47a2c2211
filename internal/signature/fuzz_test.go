package signature_test

import (
	"strings"
	"testing"

	"pixelcnn/internal/onnx"
	"pixelcnn/internal/signature"
	"pixelcnn/internal/signature/encoding"
)

// FuzzRead reads files with options that need not fit them: an error or a signature, never a
// panic. What is read can be fed.
func FuzzRead(f *testing.F) {
	add := func(m *onnx.Model, in, out string, numbers ...int) {
		file, err := onnx.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		n := append(numbers, 0, 0, 0, 0)
		f.Add(file, in, out, "", "", n[0], n[1], n[2], n[3], int64(0))
	}
	free := onnx.Free("n")
	add(form{in: []int{1, 2, 2}, out: []int{3, 2, 2}}.model(free), "", "")
	add(form{in: []int{3, 2, 2}, before: level, out: []int{3, 2, 2}}.model(free), "NLHW", "N(CL)HW", 2, 2, 1, 3)
	add(form{in: []int{4}, before: reshape(-1, 1, 2, 2), out: []int{3, 2, 2}}.model(free), "N(HW)", "", 2, 2)
	add(form{in: []int{1, -1, -1}, out: []int{3, -1, -1}}.model(free), "", "NLHW", 3, 1)
	add(sequence(13, 4, 3), "", "", 2, 2)
	add(conditioned(2, 2, 2), "", "")
	add(conditioned(2), "", "NLHW", 4, 2)
	f.Fuzz(func(t *testing.T, file []byte, in, out, head, name string, height, width, channels, levels int, token int64) {
		m, err := onnx.Unmarshal(file)
		if err != nil || onnx.Lower(m) != nil {
			return
		}
		opt := signature.Options{
			Height: height, Width: width, Channels: channels, Levels: levels, Head: head,
			Scale: encoding.Scale{Factor: 1}, InputLayout: signature.Layout(in), OutputLayout: signature.Layout(out),
		}
		switch { // the name is that of an input or an output
		case token > 0:
			opt.StartToken, opt.Output = []int64{token, token}[:1+token%2], name
		case token < -1:
			opt.Conditions = map[string][]int{name: {int(token % 7), 2}}
		default:
			opt.Label = name
		}
		s, err := signature.Read(m, opt, nil)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("error of several lines: %q", err)
			}
			return
		}
		if s.OneFile != nil || s.Symbols() > 1<<16 {
			return
		}
		feed := s.Feed(1)
		feed.SetImage(0, make([]uint16, s.Symbols()))
		feed.SetClass(0, 0)
		if s.Model().Graph == nil || len(s.Model().Graph.Outputs) != 1 {
			t.Error("the model has more than one output")
		}
		s.OutputShape(1)
	})
}
