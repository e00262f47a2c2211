package dataset

import (
	"bufio"
	"bytes"
	"fmt"
	"image"
	"image/draw"
	_ "image/jpeg" // a format of ReadPicture
	_ "image/png"  // a format of ReadPicture
	"io"
	"io/fs"
	"math"
	"os"
	"slices"
)

// ReadPicture reads one PNG or JPEG file as levels, [height,width], as [LoadImages] does
// with squares: in grey, without the ends of the side that is longer than the shape of
// height×width has it, resized and quantised to 2 to 256 levels. Height and width may
// be up to 16,384, and their product no more than the default [Limits].Pixels; an empty
// resize is [Antialias].
//
// Errors name the file; those about its content wrap [ErrFormat] or [ErrLimit], those
// about the other arguments [ErrOptions].
func ReadPicture(name string, height, width, levels int, resize Resize) ([]uint16, error) {
	return Limits{}.ReadPicture(name, height, width, levels, resize)
}

// ReadPicture is [ReadPicture] within other limits.
func (l Limits) ReadPicture(name string, height, width, levels int, resize Resize) ([]uint16, error) {
	if resize == "" {
		resize = Antialias
	}
	l, err := l.withDefaults()
	switch {
	case err != nil:
		return nil, err
	case height < 1 || height > maxSide || width < 1 || width > maxSide:
		return nil, fmt.Errorf("%w: %d×%d pixels: want sides of 1 to %d", ErrOptions, width, height, maxSide)
	case height*width > l.Pixels:
		return nil, fmt.Errorf("%w: %d×%d pixels: want %d at most (Limits.Pixels)", ErrOptions, width, height, l.Pixels)
	case levels < 2 || levels > 256:
		return nil, fmt.Errorf("%w: levels %d: want 2 to 256", ErrOptions, levels)
	case !slices.Contains(Resizes, resize):
		return nil, fmt.Errorf("%w: no way to resize is named %q; there is %q", ErrOptions, resize, Resizes)
	}
	p, err := l.openPicture(name, func(string, fs.FileInfo) {})
	if err != nil {
		return nil, err
	}
	grey, err := p.grey()
	if err != nil {
		return nil, err
	}
	dst := make([]uint16, height*width)
	levelsOf(dst, grey, height, width, levels, resize)
	return dst, nil
}

// pictureFile is a picture that is within the limits and not decoded yet.
type pictureFile struct {
	name          string
	data          []byte
	width, height int
}

// openPicture reads a file, tells opened of it, and checks what it says of itself.
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
	if n := 8*int64(l.Pixels) + 1<<24; n < most { // no format takes more, and there may be a film behind it
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

// newPicture checks what a file says of itself.
func (l Limits) newPicture(name string, data []byte) (*pictureFile, error) {
	config, format, err := image.DecodeConfig(bytes.NewReader(data))
	p := &pictureFile{name, data, config.Width, config.Height}
	if err != nil {
		return nil, p.bad("cannot be read as PNG or JPEG: %w", err)
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

// leastBytes is how long a file of so many pixels is at least, so that a few bytes cannot
// have a large picture allocated.
func leastBytes(format string, data []byte, pixels int64) int64 {
	if format == "png" {
		// Deflate makes 1032 bytes of one at most. DecodeConfig has read the depth and the
		// colour type, which stand behind the signature, the chunk's head and the sides.
		channels := map[byte]int64{0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[data[25]]
		return pixels * channels * int64(data[24]) / 8 / 1032
	}
	// A bit at least for each block of 8×8, of which there may be a quarter as many.
	return pixels / 64 / 4 / 8
}

// grey decodes the picture to grey (luma), transparent ones laid over black.
func (p *pictureFile) grey() (*image.Gray, error) {
	picture, _, err := image.Decode(&scanReader{Reader: bufio.NewReader(bytes.NewReader(p.data))})
	if err != nil {
		return nil, p.bad("cannot be read as PNG or JPEG: %w", err)
	}
	grey := image.NewGray(image.Rect(0, 0, picture.Bounds().Dx(), picture.Bounds().Dy()))
	draw.Draw(grey, grey.Rect, picture, picture.Bounds().Min, draw.Src)
	return grey, nil
}

// maxScans is how often a JPEG file may go over its pixels. Ten times is usual; each
// costs up to a thirtieth of a second and, where it changes nothing, 40 bytes.
const maxScans = 100

var errScans = fmt.Errorf("more than %d scans", maxScans)

// A scanReader fails where a JPEG file has begun too many scans, by their markers. In
// what is compressed these two bytes do not occur; in other formats they do by chance.
// With the Peek of its bufio.Reader, image.Decode reads from it and nothing in between.
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

// levelsOf writes the levels of the middle of a picture to dst, [height,width].
func levelsOf(dst []uint16, grey *image.Gray, height, width, levels int, resize Resize) {
	part := centre(grey.Rect.Dx(), grey.Rect.Dy(), height, width)
	across, down := resize.kernel(part.Dx(), width), resize.kernel(part.Dy(), height)
	src := grey.Pix[part.Min.Y*grey.Stride+part.Min.X:]
	quantise(across, down, dst, src, grey.Stride, levels, make([]uint64, part.Dy()*width))
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
