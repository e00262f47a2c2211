package dataset

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// squares are the levels of the pictures in testdata/pictures, at 4×6 pixels and 4 levels.
func squares() (levels []uint16) {
	for y := range 4 {
		for x := range 6 {
			levels = append(levels, uint16((x+y)%4), uint16(x%4), uint16(y))
		}
	}
	return levels
}

// TestFormats: the same picture in each format, and with each Exif orientation; see
// testdata/pictures/make.py.
func TestFormats(t *testing.T) {
	files, err := filepath.Glob("testdata/pictures/*[a-z0-9]")
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for _, file := range files {
		if filepath.Ext(file) == ".py" {
			continue
		}
		read++
		got, err := ReadPicture(file, PictureOptions{Height: 4, Width: 6, Channels: 3, Levels: 4, Resize: BilinearNoAntialias})
		if err != nil {
			t.Error(err)
		} else if want := squares(); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", file, got, want)
		}
	}
	if want := 4*8 + 7; read != want {
		t.Errorf("%d files, want %d", read, want)
	}
}

// TestUpright turns 3×2 pixels by the table of the Exif specification: where the first row and the first
// column of what is stored are to be seen.
func TestUpright(t *testing.T) {
	stored := image.NewGray(image.Rect(0, 0, 3, 2))
	copy(stored.Pix, "abcdef")
	for i, want := range []string{
		"abc def", "cba fed", "fed cba", "def abc", // top left, top right, bottom right, bottom left
		"ad be cf", "da eb fc", "fc eb da", "cf be ad", // left top, right top, right bottom, left bottom
	} {
		m := upright(stored, i+1)
		var got []string
		for row := range slices.Chunk(m.Pix, m.Rect.Dx()) {
			got = append(got, string(row))
		}
		if s := fmt.Sprint(got); s != "["+want+"]" {
			t.Errorf("orientation %d: %s, want %s", i+1, s, want)
		}
	}
}

// TestOrientation: what is damaged, or says nothing of use, is upright.
func TestOrientation(t *testing.T) {
	entry := func(order binary.AppendByteOrder, start string, tag, kind, value uint16) []byte {
		b := order.AppendUint32([]byte(start), 8)
		b = order.AppendUint16(b, 2)
		b = append(order.AppendUint16(b, 0x0100), make([]byte, 10)...)
		b = order.AppendUint16(order.AppendUint16(b, tag), kind)
		return order.AppendUint16(order.AppendUint16(order.AppendUint32(b, 1), value), 0)
	}
	little, big := binary.LittleEndian, binary.BigEndian
	for name, c := range map[string]struct {
		tiff []byte
		want int
	}{
		"little-endian":     {entry(little, "II*\x00", 0x112, 3, 6), 6},
		"big-endian":        {entry(big, "MM\x00*", 0x112, 3, 8), 8},
		"another tag":       {entry(big, "MM\x00*", 0x113, 3, 8), 1},
		"another type":      {entry(big, "MM\x00*", 0x112, 4, 8), 1},
		"0":                 {entry(big, "MM\x00*", 0x112, 3, 0), 1},
		"9":                 {entry(big, "MM\x00*", 0x112, 3, 9), 1},
		"no TIFF":           {[]byte("nothing of that"), 1},
		"offset too far":    {append([]byte("II*\x00"), 255, 255, 255, 255), 1},
		"offset at the end": {append([]byte("II*\x00"), 8, 0, 0, 0), 1},
	} {
		if got := exifOrientation(c.tiff); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	// Cut off anywhere, files have an orientation all the same, and it is theirs or none.
	for _, format := range []string{"png", "jpeg", "webp", "tiff"} {
		file, err := os.ReadFile("testdata/pictures/exif-" + format + "-6")
		if err != nil {
			t.Fatal(err)
		}
		if got := orientation(format, file); got != 6 {
			t.Errorf("%s: %d, want 6", format, got)
		}
		for n := range file {
			if got := orientation(format, file[:n]); got != 1 && got != 6 {
				t.Fatalf("%s, %d bytes: %d", format, n, got)
			}
		}
	}
}

// TestTransparent: colours lie on white, or on black where that is asked for, or remain; those
// of pixels that nobody sees do not run into their neighbours.
func TestTransparent(t *testing.T) {
	m := image.NewNRGBA(image.Rect(0, 0, 4, 2))
	m.SetNRGBA(0, 0, color.NRGBA{255, 0, 100, 255})
	m.SetNRGBA(1, 0, color.NRGBA{255, 0, 100, 0})
	m.SetNRGBA(2, 0, color.NRGBA{0, 0, 0, 100}) // 155 on white
	m.SetNRGBA(3, 0, color.NRGBA{10, 20, 30, 255})
	copy(m.Pix[m.Stride:], m.Pix[:m.Stride])
	var file bytes.Buffer
	if err := png.Encode(&file, m); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "p.png")
	write(t, name, file.Bytes())
	for _, c := range []struct {
		width, channels int
		onBlack         bool
		want            []uint16
	}{
		{4, 1, false, []uint16{87, 255, 155, 18}}, // 0.299·255 + 0.114·100, 0.299·10 + 0.587·20 + 0.114·30
		{4, 1, true, []uint16{87, 0, 0, 18}},
		{4, 3, false, []uint16{255, 0, 100, 255, 255, 255, 155, 155, 155, 10, 20, 30}},
		{4, 3, true, []uint16{255, 0, 100, 0, 0, 0, 0, 0, 0, 10, 20, 30}},
		{4, 4, false, []uint16{255, 0, 100, 255, 255, 0, 100, 0, 0, 0, 0, 100, 10, 20, 30, 255}},
		// To half the width the filter takes 3, 3, 1 parts of the first three pixels, and 1, 3, 3 of the last.
		// Opacities are (3·255+100)/7 and (3·100+3·255)/7, reds 3·255·255/865 and 3·255·10/1065.
		{2, 4, false, []uint16{225, 0, 88, 123, 7, 14, 21, 152}},
	} {
		got, err := ReadPicture(name, PictureOptions{Height: 1, Width: c.width, Channels: c.channels, Levels: 256, OnBlack: c.onBlack})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%d channels, on black %v: %v, want %v", c.channels, c.onBlack, got, c.want)
		}
	}
}

// TestAnimation: of a GIF file the first frame counts, where it lies on the screen.
func TestAnimation(t *testing.T) {
	frame := func(c color.Color, r image.Rectangle) *image.Paletted {
		m := image.NewPaletted(r, color.Palette{c})
		return m
	}
	var file bytes.Buffer
	err := gif.EncodeAll(&file, &gif.GIF{
		Image:  []*image.Paletted{frame(color.Black, image.Rect(1, 0, 3, 1)), frame(color.White, image.Rect(0, 0, 4, 2))},
		Delay:  []int{1, 1},
		Config: image.Config{Width: 4, Height: 2, ColorModel: color.Palette{color.Black}},
	})
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "p.gif")
	write(t, name, file.Bytes())
	got, err := ReadPicture(name, PictureOptions{Height: 2, Width: 4, Levels: 2})
	if want := []uint16{1, 0, 0, 1, 1, 1, 1, 1}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
}
