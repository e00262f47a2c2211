package main

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/dataset"
)

// FuzzFlagValues sets the flags that have a syntax of their own. What is refused leaves the
// value alone; what is taken says, as text, something that sets the same value.
func FuzzFlagValues(f *testing.F) {
	for _, text := range []string{
		"", "1.0:0.6", "1e-30:1e30", "nan", "0x1p-2", ":", "1:2:3", "1e999", "plain", "particles=64", "particles=+2", "particles=",
		"0/8", "7/8", "-0/1", "8/8", "0/0", "9999999999999999999/3", "grey", "viridis", "#000000,ff8800,FFFFFF", "000000", ",", "0000000,111111",
	} {
		f.Add(text, uint8(4))
		f.Add(text, uint8(255))
	}
	f.Fuzz(func(t *testing.T, text string, n uint8) {
		for _, make := range []func() pflag.Value{
			func() pflag.Value { return &temperatures{first: 1} },
			func() pflag.Value { return &particles{} },
			func() pflag.Value { return &cli.Part{} },
			func() pflag.Value { return &palette{} },
		} {
			v := make()
			if err := v.Set(text); err != nil {
				if !reflect.DeepEqual(v, make()) || strings.Contains(err.Error(), "\n") {
					t.Errorf("%T %q: error %q leaves %v", v, text, err, v)
				}
				continue
			}
			again := make()
			if err := again.Set(v.String()); err != nil || fmt.Sprintf("%#v", again) != fmt.Sprintf("%#v", v) { // NaN is not NaN
				t.Errorf("%T %q: %q sets %v, error %v", v, text, v, again, err)
			}
			switch v := v.(type) {
			case *cli.Part:
				first, count := v.Range(int(n))
				if first < 0 || count < 0 || first+count > int(n) {
					t.Errorf("shard %v of %d: %d from %d", v, n, count, first)
				}
			case *palette:
				colours := v.colours(int(n) + 2)
				if colours[0] != v.stops[0] || colours[len(colours)-1] != v.stops[len(v.stops)-1] {
					t.Errorf("palette %v: %d colours %v", v, len(colours), colours)
				}
			}
		}
	})
}

// FuzzSpan: a span is a part of the side, and all ways to write it mean the same.
func FuzzSpan(f *testing.F) {
	for _, text := range []string{"", "8", "4..12", "4..", "..12", "..", "-1..3", "+3", "1...2", "1..2..3", "99999999999999999999"} {
		f.Add(text, uint16(16))
	}
	f.Fuzz(func(t *testing.T, text string, limit uint16) {
		from, to, err := parseSpan(text, int(limit))
		if err != nil {
			return
		}
		if from < 0 || from >= to || to > int(limit) {
			t.Fatalf("%q of %d: %d to %d", text, limit, from, to)
		}
		if a, b, err := parseSpan(fmt.Sprintf("%d..%d", from, to), int(limit)); a != from || b != to || err != nil {
			t.Fatalf("%q of %d: %d to %d, then %d to %d, %v", text, limit, from, to, a, b, err)
		}
	})
}

// FuzzPattern: a pattern of file names gives each image a name of its own, in which its
// number stands.
func FuzzPattern(f *testing.F) {
	for _, text := range []string{"img-%04d.png", "%d", "50%%d", "%099d.png", "%s%d", "%d%d", "%00d", "%-4d"} {
		f.Add(text, uint64(7))
	}
	f.Fuzz(func(t *testing.T, pattern string, index uint64) {
		if !isPattern(pattern) {
			if got := fileOf(pattern, index); got != pattern {
				t.Errorf("%q is no pattern and becomes %q", pattern, got)
			}
			return
		}
		name := fileOf(pattern, index)
		if !strings.Contains(name, fmt.Sprint(index)) || strings.Contains(name, "%!") && !strings.Contains(pattern, "%!") || name == fileOf(pattern, index+1) {
			t.Errorf("%q: %q for image %d", pattern, name, index)
		}
	})
}

// FuzzMask reads any bytes as a mask. It adds to what is given, namely where the picture is
// white, or is refused and leaves it as it was.
func FuzzMask(f *testing.F) {
	half := image.NewGray(image.Rect(0, 0, 6, 4))
	for i := range half.Pix {
		half.Pix[i] = uint8(i % 6 / 3 * 255)
	}
	clear := image.NewNRGBA(image.Rect(0, 0, 3, 9))
	clear.Set(1, 4, color.White)
	for _, encode := range []func(b *bytes.Buffer) error{
		func(b *bytes.Buffer) error { return png.Encode(b, half) },
		func(b *bytes.Buffer) error { return png.Encode(b, clear) },
		func(b *bytes.Buffer) error { return jpeg.Encode(b, half, nil) },
	} {
		var b bytes.Buffer
		if err := encode(&b); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes(), uint8(3), uint8(5))
		f.Add(b.Bytes()[:b.Len()/2], uint8(3), uint8(5))
	}
	name := filepath.Join(f.TempDir(), "mask.png")
	f.Fuzz(func(t *testing.T, file []byte, height, width uint8) {
		if err := os.WriteFile(name, file, 0o600); err != nil {
			t.Fatal(err)
		}
		h, w := int(height)+1, int(width)+1
		before := make([]bool, h*w)
		for k := range before {
			before[k] = k%7 == 0
		}
		mask := slices.Clone(before)
		white, readErr := dataset.ReadPicture(name, dataset.PictureOptions{Height: h, Width: w, Levels: 2, OnBlack: true})
		if err := addGiven(mask, name, h, w, dataset.Limits{}); err != nil {
			if !slices.Equal(mask, before) || !errors.Is(err, dataset.ErrFormat) && !errors.Is(err, dataset.ErrLimit) || readErr == nil {
				t.Fatalf("error %v", err)
			}
			return
		}
		for k := range mask {
			if mask[k] != (before[k] || white[k] == 1) {
				t.Fatalf("pixel %d is given: %v", k, mask[k])
			}
		}
	})
}
