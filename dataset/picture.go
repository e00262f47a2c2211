package dataset

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	_ "image/gif"  // a format of ReadPicture
	_ "image/jpeg" // likewise
	_ "image/png"  // likewise
	"io"
	"io/fs"
	"math"
	"os"
	"slices"

	_ "golang.org/x/image/bmp"  // likewise
	_ "golang.org/x/image/tiff" // likewise
	_ "golang.org/x/image/webp" // likewise
)

// formats are the kinds of picture that are read.
const formats = "PNG, JPEG, GIF, BMP, WebP or TIFF"

// PictureOptions say what levels a picture becomes.
type PictureOptions struct {
	// Height and Width are in pixels, 1 to 16,384. Their product must be no more than Limits.Pixels.
	Height, Width int
	// Channels is 1 for grey (luma), 3 for red, green and blue, or 4 for those and opacity.
	// Default 1.
	Channels int
	// Levels is the number of levels of a channel, 2 to 256.
	Levels int
	// Resize is the filter. Default [Antialias].
	Resize Resize
	// OnBlack lays transparent pictures on black. They lie on white by default. With 4 channels they
	// remain transparent.
	OnBlack bool
	// Limits bound what the file may ask for. The zero value is their defaults.
	Limits Limits
	// Opened, where not nil, is called with the file that is read.
	Opened func(path string, info fs.FileInfo)
}

func (o PictureOptions) withDefaults() (PictureOptions, error) {
	if o.Channels == 0 {
		o.Channels = 1
	}
	if o.Resize == "" {
		o.Resize = Antialias
	}
	if o.Opened == nil {
		o.Opened = func(string, fs.FileInfo) {}
	}
	var err error
	o.Limits, err = o.Limits.withDefaults()
	switch {
	case err != nil:
		return o, err
	case o.Height < 1 || o.Height > maxSide || o.Width < 1 || o.Width > maxSide:
		return o, fmt.Errorf("%w: %d×%d pixels: want sides of 1 to %d", ErrOptions, o.Width, o.Height, maxSide)
	case o.Height*o.Width > o.Limits.Pixels:
		return o, fmt.Errorf("%w: %d×%d pixels: want %d at most (Limits.Pixels)", ErrOptions, o.Width, o.Height, o.Limits.Pixels)
	case o.Channels != 1 && o.Channels != 3 && o.Channels != 4:
		return o, fmt.Errorf("%w: %d channels: want 1, 3 or 4: pictures are grey, RGB or RGBA", ErrOptions, o.Channels)
	case o.Levels < 2 || o.Levels > 256:
		return o, fmt.Errorf("%w: levels %d: want 2 to 256", ErrOptions, o.Levels)
	case !slices.Contains(Resizes, o.Resize):
		return o, fmt.Errorf("%w: no way to resize is named %q; there is %q", ErrOptions, o.Resize, Resizes)
	}
	if o.Height*o.Width < 16 {
		o.Limits.Pixels = min(o.Limits.Pixels, MaxPixels/4) // or sums would not fit, see kernel.triangle
	}
	return o, nil
}

// ReadPicture reads one PNG, JPEG, GIF, BMP, WebP or TIFF file as levels [Height,Width,Channels].
// The picture is turned upright as its Exif orientation says, converted to the colours that
// Channels says, cropped in the middle to the shape of Height×Width, resized and quantised. Of an
// animation the first picture is read. [LoadImages] reads its squares in the same way.
//
// Errors name the file; those about its content wrap [ErrFormat] or [ErrLimit], those about the
// options [ErrOptions].
func ReadPicture(name string, opt PictureOptions) ([]uint16, error) {
	opt, err := opt.withDefaults()
	if err != nil {
		return nil, err
	}
	p, err := opt.Limits.openPicture(name, opt.Opened)
	if err != nil {
		return nil, err
	}
	dst := make([]uint16, opt.Height*opt.Width*opt.Channels)
	return dst, p.levels(dst, opt)
}

// DecodePicture is [ReadPicture] for a picture that is in memory; name is what errors call it.
func DecodePicture(name string, data []byte, opt PictureOptions) ([]uint16, error) {
	opt, err := opt.withDefaults()
	if err != nil {
		return nil, err
	}
	p, err := opt.Limits.newPicture(name, data)
	if err != nil {
		return nil, err
	}
	dst := make([]uint16, opt.Height*opt.Width*opt.Channels)
	return dst, p.levels(dst, opt)
}

// pictureFile is a picture that is within the limits and not decoded yet.
type pictureFile struct {
	name, format  string
	data          []byte
	width, height int // as stored, which is not always upright
}

// openPicture reads a file, calls opened with it, and checks what its header says.
func (l Limits) openPicture(name string, opened func(string, fs.FileInfo)) (*pictureFile, error) {
	info, err := os.Stat(name) // before opening, as that waits if it is a pipe
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("dataset: %s: %w", name, ErrNotRegular)
	}
	opened(name, info)
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	defer f.Close()
	most, limit := l.FileBytes, "FileBytes"
	if n := 8*int64(l.Pixels) + 1<<24; n < most { // no format needs more; there might be a film behind the picture
		most, limit = n, "Pixels"
	}
	data, err := io.ReadAll(io.LimitReader(f, min(most, math.MaxInt64-1)+1))
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	if int64(len(data)) > most {
		return nil, &LimitError{name, limit, "bytes", max(info.Size(), int64(len(data))), most}
	}
	return l.newPicture(name, data)
}

// newPicture checks what a file's header says.
func (l Limits) newPicture(name string, data []byte) (*pictureFile, error) {
	config, format, err := image.DecodeConfig(seekable{bytes.NewReader(data)})
	p := &pictureFile{name, format, data, config.Width, config.Height}
	if err != nil {
		return nil, p.bad("cannot be read as "+formats+": %w", err)
	}
	if p.width < 1 || p.height < 1 || p.width > maxSide || p.height > maxSide {
		return nil, p.bad("%d×%d pixels: want sides of 1 to %d", p.width, p.height, maxSide)
	}
	if p.pixels() > int64(l.Pixels) {
		return nil, &LimitError{name, "Pixels", fmt.Sprintf("pixels, %d×%d", p.width, p.height), p.pixels(), int64(l.Pixels)}
	}
	if least := leastBytes(format, data, p.pixels()); int64(len(data)) < least {
		return nil, p.bad("truncated: %d bytes for %d×%d pixels, which cannot be packed into less than %d",
			len(data), p.width, p.height, least)
	}
	return p, nil
}

func (p *pictureFile) bad(format string, args ...any) error {
	return fmt.Errorf("%w: %s: "+format, append([]any{ErrFormat, p.name}, args...)...)
}

func (p *pictureFile) pixels() int64 { return int64(p.width) * int64(p.height) }

// leastBytes is the least length of a file with so many pixels, so that a few bytes cannot make
// this program allocate a large picture.
func leastBytes(format string, data []byte, pixels int64) int64 {
	switch format {
	case "png":
		// Deflate makes 1032 bytes of one at most. DecodeConfig has read the depth and the
		// colour type, which stand behind the signature, the chunk's head and the sides.
		channels := map[byte]int64{0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[data[25]]
		return pixels * channels * int64(data[24]) / 8 / 1032
	case "jpeg":
		// A bit at least for each block of 8×8, of which there may be a quarter as many.
		return pixels / 64 / 4 / 8
	case "gif":
		// A code of 12 bits is one of 2¹² strings, each a pixel longer than another one.
		return pixels / (1 << 12) * 12 / 8
	case "bmp":
		// It is not compressed. DecodeConfig has read the depth, which stands in the second header.
		return pixels * int64(binary.LittleEndian.Uint16(data[28:])) / 8
	}
	return 0 // in WebP and TIFF a large area of one colour takes almost no bytes
}

// seekable has the method Peek, so that image.Decode reads from it directly. Otherwise it would put
// a buffer in between, and the decoder of TIFF would fill one of megabytes, however short the file
// is.
type seekable struct{ *bytes.Reader }

func (s seekable) Peek(n int) ([]byte, error) {
	b := make([]byte, n)
	n, err := s.ReadAt(b, s.Size()-int64(s.Len()))
	return b[:n], err
}

// levels decodes the picture and writes its levels to dst, [Height,Width,Channels].
func (p *pictureFile) levels(dst []uint16, opt PictureOptions) error {
	planes, err := p.planes(opt.Channels, opt.OnBlack)
	if err != nil {
		return err
	}
	stride := planes[0].Stride
	part := centre(stride, planes[0].Rect.Dy(), opt.Height, opt.Width)
	across, down := opt.Resize.kernel(part.Dx(), opt.Width), opt.Resize.kernel(part.Dy(), opt.Height)
	room := part.Dx()
	if opt.Channels == 4 {
		room = max(room, part.Dy()*opt.Width) // for quantiseBelow
	}
	scratch := make([]uint64, room)
	at := func(c int) []uint8 { return planes[c].Pix[part.Min.Y*stride+part.Min.X:] }
	for c := range planes {
		if opt.Channels == 4 && c < 3 {
			quantiseBelow(across, down, dst[c:], opt.Channels, at(c), at(3), stride, opt.Levels, scratch)
		} else {
			quantise(across, down, dst[c:], opt.Channels, at(c), stride, opt.Levels, scratch)
		}
	}
	return nil
}

// planes decodes the picture to a plane for each channel: grey (luma), RGB, or RGBA, in which colours
// are not multiplied by the opacity.
func (p *pictureFile) planes(channels int, onBlack bool) ([]*image.Gray, error) {
	var file io.Reader = seekable{bytes.NewReader(p.data)}
	if p.format == "jpeg" {
		file = &scanReader{Reader: bufio.NewReader(file)}
	}
	picture, _, err := image.Decode(file)
	if err != nil {
		return nil, p.bad("cannot be read as "+formats+": %w", err)
	}
	if grey, ok := picture.(*image.Gray); ok && p.format == "tiff" && turnedRound(p.data) {
		for i := range grey.Pix {
			grey.Pix[i] = ^grey.Pix[i]
		}
	}
	if screen := image.Rect(0, 0, p.width, p.height); picture.Bounds() != screen { // the first frame of a GIF file
		all := image.NewNRGBA(screen)
		draw.Draw(all, picture.Bounds(), picture, picture.Bounds().Min, draw.Src)
		picture = all
	}
	if o, ok := picture.(interface{ Opaque() bool }); channels < 4 && !onBlack && (!ok || !o.Opaque()) {
		picture = onWhite{picture}
	}
	var pix []uint8
	switch grey, bounds := image.NewGray(picture.Bounds()), picture.Bounds(); channels {
	case 1:
		draw.Draw(grey, bounds, picture, bounds.Min, draw.Src)
		return []*image.Gray{upright(grey, orientation(p.format, p.data))}, nil
	case 3:
		all := image.NewRGBA(bounds)
		draw.Draw(all, bounds, picture, bounds.Min, draw.Src)
		pix = all.Pix
	default:
		pix = straight(picture).Pix
	}
	planes := make([]*image.Gray, channels)
	for c := range planes {
		plane := image.NewGray(picture.Bounds())
		for i := range plane.Pix {
			plane.Pix[i] = pix[4*i+c]
		}
		planes[c] = upright(plane, orientation(p.format, p.data))
	}
	return planes, nil
}

// straight is a picture in colours that are not multiplied by the opacity. Where the file has them like that, they
// are the file's own, of what is transparent too.
func straight(picture image.Image) *image.NRGBA {
	if p, ok := picture.(*image.NRGBA); ok {
		return p
	}
	bounds := picture.Bounds()
	all := image.NewNRGBA(bounds)
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			switch c := picture.At(x, y).(type) {
			case color.NRGBA64:
				all.SetNRGBA(x, y, color.NRGBA{uint8(c.R >> 8), uint8(c.G >> 8), uint8(c.B >> 8), uint8(c.A >> 8)})
			case color.NYCbCrA:
				r, g, b := color.YCbCrToRGB(c.Y, c.Cb, c.Cr)
				all.SetNRGBA(x, y, color.NRGBA{r, g, b, c.A})
			default:
				all.Set(x, y, c)
			}
		}
	}
	return all
}

// onWhite is a picture that lies on white.
type onWhite struct{ image.Image }

func (p onWhite) ColorModel() color.Model { return color.RGBA64Model }

func (p onWhite) At(x, y int) color.Color {
	r, g, b, a := p.Image.At(x, y).RGBA()
	white := 0xffff - a
	return color.RGBA64{uint16(r + white), uint16(g + white), uint16(b + white), 0xffff}
}

// maxScans is how many scans, each of which goes over all pixels, a JPEG file may have. Ten are
// usual. A scan costs up to a thirtieth of a second and, where it changes nothing, 40 bytes of
// file.
const maxScans = 100

var errScans = fmt.Errorf("more than %d scans", maxScans)

// A scanReader fails where a JPEG file has begun too many scans, which it counts by their markers.
// In compressed data these two bytes do not occur; in other formats they occur by chance. It has
// the Peek of its bufio.Reader, so that image.Decode reads from it directly.
type scanReader struct {
	*bufio.Reader
	begun, jpeg bool
	last        byte
	scans       int
}

func (s *scanReader) Read(b []byte) (int, error) {
	n, err := s.Reader.Read(b)
	for _, c := range b[:n] {
		if !s.begun {
			s.begun, s.jpeg = true, c == 0xff
		}
		if s.jpeg && s.last == 0xff && c == 0xda {
			s.scans++
		}
		s.last = c
	}
	if s.scans > maxScans {
		return 0, errScans
	}
	return n, err
}

// centre is the largest part in the middle of w×h pixels with the shape of height×width.
func centre(w, h, height, width int) image.Rectangle {
	x, y := w, h
	if w*height > h*width {
		x = max(1, h*width/height)
	} else {
		y = max(1, w*height/width)
	}
	corner := image.Pt((w-x)/2, (h-y)/2)
	return image.Rectangle{corner, corner.Add(image.Pt(x, y))}
}
