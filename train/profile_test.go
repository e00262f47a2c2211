package train

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestReadProfile reads a profile by hand: two passes of a product [3,4]ᵀ×[3,5] in 2 and
// 4 µs, and one sum.
func TestReadProfile(t *testing.T) {
	prefix := filepath.Join(t.TempDir(), "step")
	gemm := func(micros string) string {
		return `{"cat":"Node","dur":` + micros + `,"name":"Gemm_1_kernel_time","args":{"op_name":"Gemm","output_size":"80","parameter_size":"0",` +
			`"activation_size":"108","input_type_shape":[{"float":[3,4]},{"float":[3,5]}],"output_type_shape":[{"float":[4,5]}]}}`
	}
	run := `{"cat":"Session","dur":9,"name":"model_run","args":{}}`
	content := "[\n" + strings.Join([]string{
		`{"cat":"Session","dur":100,"name":"session_initialization","args":{}}`,
		gemm("2"), run, gemm("4"),
		`{"cat":"Node","dur":1,"name":"Add_kernel_time","args":{"op_name":"Add","output_size":"8","parameter_size":"4","activation_size":"8"}}`, run,
	}, ",\n") + "\n]\n"
	if err := os.WriteFile(prefix+"_2026.json", []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
	p, err := ReadProfile(prefix)
	if err != nil {
		t.Fatal(err)
	}
	if p.Passes != 2 || len(p.Operators) != 2 ||
		p.Operators[0] != (OperatorTime{Op: "Gemm", Calls: 2, Time: 6 * time.Microsecond, Bytes: 376, FLOPs: 2 * 2 * 3 * 4 * 5}) ||
		p.Operators[1] != (OperatorTime{Op: "Add", Calls: 1, Time: time.Microsecond, Bytes: 20}) {
		t.Errorf("%+v", p)
	}
	var b strings.Builder
	if err := p.WriteTable(&b); err != nil {
		t.Fatal(err)
	}
	if want := "Gemm      1   3  85.7 %   0.1        0"; !strings.Contains(b.String(), want) {
		t.Errorf("table without %q:\n%s", want, b.String())
	}

	for _, broken := range []string{"", "{}", content[:len(content)/2]} {
		if err := os.WriteFile(prefix+"_2026.json", []byte(broken), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadProfile(prefix); err == nil || !strings.Contains(err.Error(), "step_2026.json") {
			t.Errorf("%d bytes: error %v", len(broken), err)
		}
	}
	if _, err := ReadProfile(prefix + "s"); err == nil {
		t.Error("read a profile that is not there")
	}
}

func TestProfileOfTraining(t *testing.T) {
	prefix := filepath.Join(t.TempDir(), "step")
	tr, err := New(env(), small(t), stripes(128, 5, 3), Config{Steps: 3, Profile: prefix})
	if err != nil {
		t.Fatal(err)
	}
	if err := tr.Run(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}
	p, err := ReadProfile(prefix)
	if err != nil {
		t.Fatal(err)
	}
	_, step := MultiplyAdds(tr.model)
	flops := int64(0)
	for _, o := range p.Operators {
		flops += o.FLOPs
	}
	if least := 2 * step * 64 * 2 * 3; p.Passes != 6 || flops < least || flops > least*3/2 {
		t.Errorf("%d passes, %d FLOPs in products, want 6 and a little over %d", p.Passes, flops, least)
	}
}
