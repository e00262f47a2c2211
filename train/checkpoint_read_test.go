package train

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// sealed appends the checksum that makes data look whole.
func sealed(data []byte) []byte {
	sum := sha256.Sum256(data)
	return append(bytes.Clone(data), sum[:]...)
}

// file is what a store writes.
func file(t testing.TB, h header, vectors ...[]float32) []byte {
	t.Helper()
	s := store{dir: t.TempDir()}
	if err := s.write(h, vectors...); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(s.last)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestCheckpointBitFlips: no bit of a checkpoint can turn without being noticed, and none
// of its bytes can be missing.
func TestCheckpointBitFlips(t *testing.T) {
	whole := file(t, header{Step: 3, Elements: 5, EMA: 0.5}, make([]float32, 5), []float32{1, 2, 3, 4, 5}, make([]float32, 5), make([]float32, 5))
	if h, v, err := decode(bytes.NewReader(whole), int64(len(whole)), 5); err != nil || h.Step != 3 || len(v) != 4 || !slices.Equal(v[1], []float32{1, 2, 3, 4, 5}) {
		t.Fatalf("%+v, %v, %v", h, v, err)
	}
	try := func(what string, at int, damaged []byte) {
		for _, elements := range []int{5, 6} {
			if _, _, err := decode(bytes.NewReader(damaged), int64(len(damaged)), elements); err == nil {
				t.Errorf("%s %d is not noticed", what, at)
			}
		}
	}
	for i := range whole {
		for bit := range 8 {
			damaged := bytes.Clone(whole)
			damaged[i] ^= 1 << bit
			try("bit", 8*i+bit, damaged)
		}
		try("cut at", i, whole[:i])
	}
	try("one byte too many after", len(whole), append(bytes.Clone(whole), 0))
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 1000 { // a part of it overwritten with zeros, as after a crash
		from := rng.IntN(len(whole))
		damaged := bytes.Clone(whole)
		clear(damaged[from:min(len(whole), from+1+rng.IntN(512))])
		if !bytes.Equal(damaged, whole) {
			try("zeros", i, damaged)
		}
	}
}

// TestCheckpointForged: what has a right checksum and a wrong content.
func TestCheckpointForged(t *testing.T) {
	forge := func(h header, length int) []byte {
		meta, err := json.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		b := binary.LittleEndian.AppendUint32([]byte(magic), uint32(len(meta)))
		return sealed(append(append(b, meta...), make([]byte, length)...))
	}
	nan := float32(math.NaN())
	one := []float32{1}
	for _, c := range []struct {
		name string
		file []byte
		want string // of the error; "" for none
	}{
		{"right", forge(header{Elements: 1}, 12), ""},
		{"too few", forge(header{Elements: 1}, 11), "does not hold"},
		{"too many", forge(header{Elements: 1}, 16), "does not hold"},
		{"negative", forge(header{Elements: -1}, 12), "does not hold"},
		{"before the first step", forge(header{Step: -1, Elements: 1}, 12), "does not hold"},
		// 4·3·0x5555555555555556 = 8 modulo 2⁶⁴.
		{"overflow", forge(header{Elements: 0x5555555555555556}, 8), "does not hold"},
		{"no JSON", sealed([]byte(magic + "\x02\x00\x00\x00{]")), "broken header"},
		{"long header", sealed([]byte(magic + "\xff\xff\xff\xff{}")), "header of a wrong length"},
		{"weights", file(t, header{Elements: 1}, []float32{nan}, one, one), "not finite"},
		{"average", file(t, header{Elements: 1, EMA: 0.5}, one, one, one, []float32{float32(math.Inf(-1))}), "not finite"},
		{"moments", file(t, header{Elements: 1}, one, one, []float32{float32(math.Inf(1))}), ""},
	} {
		_, _, err := decode(bytes.NewReader(c.file), int64(len(c.file)), 1)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}

// Another model's checkpoint, however large it is, is read through and not held: a hole
// of a gigabyte costs nothing to make.
func TestCheckpointAllocatesWhatFits(t *testing.T) {
	const size = 1 << 30
	name := filepath.Join(t.TempDir(), "step-000000001.checkpoint")
	meta := []byte(`{"Elements":89478485}`) // ⌊2³⁰/12⌋
	b := binary.LittleEndian.AppendUint32([]byte(magic), uint32(len(meta)))
	b = append(b, meta...)
	if err := os.WriteFile(name, b, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(name, size); err != nil {
		t.Skip("no files with holes here:", err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _, err := read(name, 10)
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; !errors.Is(err, ErrCheckpointFormat) || got > 4<<20 {
		t.Errorf("%d bytes allocated, error %v", got, err)
	}
}

func TestCheckpointNotRegular(t *testing.T) {
	dir := t.TempDir()
	if _, _, err := read(dir, 1); !errors.Is(err, ErrCheckpointFormat) || !strings.Contains(err.Error(), dir) {
		t.Errorf("a folder: error %v", err)
	}
	if _, _, err := read(os.DevNull, 1); !errors.Is(err, ErrCheckpointFormat) {
		t.Errorf("a device: error %v", err)
	}
	if _, _, err := read(filepath.Join(dir, "gone"), 1); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: error %v", err)
	}
}

// FuzzDecode: what is decoded has as many numbers as its header and this run say, and is
// the same when it is written and decoded again.
func FuzzDecode(f *testing.F) {
	whole := file(f, header{Step: 1, Elements: 2}, []float32{1, 2}, []float32{3, 4}, []float32{5, 6})
	f.Add(whole, 2)
	f.Add(whole[:len(whole)-sha256.Size], 2)
	f.Add(whole[:len(whole)-sha256.Size], 3)
	f.Add(whole[:40], 0)
	best := file(f, header{Step: 2, Elements: 1, EMA: 0.5, Best: Validation{Step: 1}}, []float32{1}, []float32{2}, []float32{3}, []float32{4}, []float32{5})
	f.Add(best[:len(best)-sha256.Size], 1)
	f.Add([]byte(magic), 0)
	f.Fuzz(func(t *testing.T, data []byte, elements int) {
		for _, content := range [][]byte{data, sealed(data)} { // a right checksum lets the fuzzer past it
			h, vectors, err := decode(bytes.NewReader(content), int64(len(content)), elements)
			switch {
			case err != nil:
				if h != (header{}) || vectors != nil || strings.Contains(err.Error(), "\n") {
					t.Errorf("%+v, %d vectors, error %q", h, len(vectors), err)
				}
				continue
			case h.Elements != elements:
				if vectors != nil {
					t.Errorf("%d vectors of another model", len(vectors))
				}
				continue
			case len(vectors) != h.vectors():
				t.Fatalf("%+v, %d vectors", h, len(vectors))
			}
			for _, v := range vectors {
				if len(v) != elements {
					t.Fatalf("%+v, %d elements", h, len(v))
				}
			}
			again := file(t, h, vectors...)
			h2, vectors2, err := decode(bytes.NewReader(again), int64(len(again)), elements)
			if err != nil || h2 != h || !slices.EqualFunc(vectors2, vectors, equalBits) {
				t.Errorf("%+v became %+v, error %v", h, h2, err)
			}
		}
	})
}

// equalBits compares bit by bit, as a moment may be NaN.
func equalBits(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}
