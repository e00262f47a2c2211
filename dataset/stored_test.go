package dataset

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/png"
	"os"
	"slices"
	"testing"

	"golang.org/x/image/tiff"
)

// TestStraight: with four channels the levels are the file's own, of what nobody sees too, whatever holds them.
func TestStraight(t *testing.T) {
	want := []uint16{59, 4, 59, 0, 200, 100, 50, 1, 1, 2, 3, 255, 255, 255, 255, 0}
	plain, deep := image.NewNRGBA(image.Rect(0, 0, 4, 1)), image.NewNRGBA64(image.Rect(0, 0, 4, 1))
	few := image.NewPaletted(plain.Rect, make(color.Palette, 4))
	for x := range 4 {
		c := want[4*x:]
		n := color.NRGBA{uint8(c[0]), uint8(c[1]), uint8(c[2]), uint8(c[3])}
		plain.SetNRGBA(x, 0, n)
		deep.SetNRGBA64(x, 0, color.NRGBA64{c[0] * 257, c[1] * 257, c[2] * 257, c[3] * 257})
		few.Palette[x] = n
		few.SetColorIndex(x, 0, uint8(x))
	}
	var files [5]bytes.Buffer
	for _, err := range []error{
		png.Encode(&files[0], plain), png.Encode(&files[1], deep), png.Encode(&files[2], few),
		tiff.Encode(&files[3], plain, nil), tiff.Encode(&files[4], deep, nil),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	webp, err := os.ReadFile("testdata/straight.webp")
	if err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string][]byte{
		"PNG": files[0].Bytes(), "PNG of 16 bits": files[1].Bytes(), "PNG of a palette": files[2].Bytes(),
		"TIFF": files[3].Bytes(), "TIFF of 16 bits": files[4].Bytes(), "WebP": webp,
	} {
		got, err := DecodePicture(name, file, PictureOptions{Height: 1, Width: 4, Channels: 4, Levels: 256})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v, want %v", name, got, err, want)
		}
	}

	lossy := image.NewNYCbCrA(image.Rect(0, 0, 1, 1), image.YCbCrSubsampleRatio444)
	lossy.Y[0], lossy.Cb[0], lossy.Cr[0], lossy.A[0] = 100, 128, 128, 0
	if got := straight(lossy).NRGBAAt(0, 0); got != (color.NRGBA{100, 100, 100, 0}) {
		t.Errorf("lossy WebP: %v", got)
	}
}

// TestStraightResized: where all is transparent, colours are resized as if it were not.
func TestStraightResized(t *testing.T) {
	m := image.NewNRGBA(image.Rect(0, 0, 4, 2))
	for i := range m.Pix {
		m.Pix[i] = []uint8{80, 160, 240, 0}[i%4]
	}
	var file bytes.Buffer
	if err := png.Encode(&file, m); err != nil {
		t.Fatal(err)
	}
	got, err := DecodePicture("p", file.Bytes(), PictureOptions{Height: 1, Width: 2, Channels: 4, Levels: 256})
	if want := []uint16{80, 160, 240, 0, 80, 160, 240, 0}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
}

// TestFax: white runs are white where white is said to be zero, which is usual, and black where black is (TIFF 6.0,
// section 11).
func TestFax(t *testing.T) {
	// Two white pixels and two black ones. T.4: the end of a line 000000000001, white 2 is 0111, black 2 is 11. T.6:
	// the mode in which runs are written out is 001, followed by the same.
	t4, t6 := []byte{0x00, 0x17, 0xc0}, []byte{0x2f, 0x80}
	for _, c := range []struct {
		name                     string
		compression, photometric int
		data                     []byte
		want                     []uint16
	}{
		{"T.4, white is zero", 3, 0, t4, []uint16{255, 255, 0, 0}},
		{"T.4, black is zero", 3, 1, t4, []uint16{0, 0, 255, 255}},
		{"T.6, white is zero", 4, 0, t6, []uint16{255, 255, 0, 0}},
		{"T.6, black is zero", 4, 1, t6, []uint16{0, 0, 255, 255}},
		{"not compressed, white is zero", 1, 0, []byte{0x30}, []uint16{255, 255, 0, 0}},
		{"not compressed, black is zero", 1, 1, []byte{0x30}, []uint16{0, 0, 255, 255}},
	} {
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			file := fax(order, c.compression, c.photometric, c.data)
			got, err := DecodePicture("p.tiff", file, PictureOptions{Height: 1, Width: 4, Levels: 256})
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("%s, %v: %v, %v, want %v", c.name, order, got, err, c.want)
			}
		}
	}
}

// fax is a TIFF file of 4×1 pixels, of a bit each.
func fax(order binary.AppendByteOrder, compression, photometric int, data []byte) []byte {
	tags := [][2]int{
		{256, 4},
		{257, 1},
		{258, 1},
		{259, compression},
		{262, photometric},
		{273, 8},
		{277, 1},
		{278, 1},
		{279, len(data)},
	}
	directory := 8 + len(data) + len(data)%2
	file := []byte("II*\x00")
	if order == binary.BigEndian {
		file = []byte("MM\x00*")
	}
	file = append(order.AppendUint32(file, uint32(directory)), data...)
	file = append(file, make([]byte, directory-len(file))...)
	file = order.AppendUint16(file, uint16(len(tags)))
	for _, tag := range tags {
		file = order.AppendUint16(file, uint16(tag[0]))
		file = order.AppendUint16(file, 3) // a short number
		file = order.AppendUint32(file, 1)
		file = order.AppendUint16(file, uint16(tag[1]))
		file = append(file, 0, 0)
	}
	return append(file, 0, 0, 0, 0)
}
