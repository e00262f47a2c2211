package dataset

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"image"
	"image/draw"
	_ "image/jpeg" // a format of ReadPicture
	_ "image/png"  // a format of ReadPicture
	"io"
	"os"
	"slices"
)

const (
	maxPictureBytes  = 1 << 28 // of a file
	maxPicturePixels = 1 << 25 // a little more than an 8K frame
)

// ReadPicture reads one PNG or JPEG file as levels, [height,width], as [LoadImages] does
// with squares: in grey, without the ends of the side that is longer than the shape of
// height×width has it, resized and quantised to 2 to 256 levels. Height and width may
// be up to 16,384; an empty resize is [Antialias].
//
// Errors name the file; those about its content wrap [ErrFormat].
func ReadPicture(name string, height, width, levels int, resize Resize) ([]uint8, error) {
	if resize == "" {
		resize = Antialias
	}
	switch {
	case height < 1 || height > maxSide || width < 1 || width > maxSide:
		return nil, fmt.Errorf("dataset: %d×%d pixels: want sides of 1 to %d", width, height, maxSide)
	case levels < 2 || levels > 256:
		return nil, fmt.Errorf("dataset: levels %d: want 2 to 256", levels)
	case !slices.Contains(Resizes, resize):
		return nil, fmt.Errorf("dataset: no way to resize is named %q; there is %q", resize, Resizes)
	}
	grey, _, err := readGrey(name)
	if err != nil {
		return nil, err
	}
	dst := make([]uint8, height*width)
	levelsOf(dst, grey, height, width, levels, resize)
	return dst, nil
}

// readGrey reads a picture and returns it in grey (luma), transparent ones laid over
// black, and the checksum of its file.
func readGrey(name string) (grey *image.Gray, sum [sha256.Size]byte, err error) {
	fail := func(err error) (*image.Gray, [sha256.Size]byte, error) {
		return nil, sum, fmt.Errorf("dataset: %w", err)
	}
	bad := func(format string, args ...any) (*image.Gray, [sha256.Size]byte, error) {
		return nil, sum, fmt.Errorf("%w: %s: %s", ErrFormat, name, fmt.Sprintf(format, args...))
	}
	info, err := os.Stat(name) // before opening, as that waits if it is a pipe
	if err != nil {
		return fail(err)
	}
	if !info.Mode().IsRegular() {
		return fail(fmt.Errorf("%s: not a regular file", name))
	}
	f, err := os.Open(name)
	if err != nil {
		return fail(err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxPictureBytes+1))
	if err != nil {
		return fail(err)
	}
	if len(data) > maxPictureBytes {
		return bad("over %d bytes", maxPictureBytes)
	}
	config, _, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return bad("cannot be read as PNG or JPEG: %v", err)
	}
	w, h := config.Width, config.Height
	if w < 1 || h < 1 || w > maxSide || h > maxSide || w*h > maxPicturePixels {
		return bad("%d×%d pixels: want at most %d, and sides of 1 to %d", w, h, maxPicturePixels, maxSide)
	}
	picture, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return bad("cannot be read as PNG or JPEG: %v", err)
	}
	grey = image.NewGray(image.Rect(0, 0, picture.Bounds().Dx(), picture.Bounds().Dy()))
	draw.Draw(grey, grey.Rect, picture, picture.Bounds().Min, draw.Src)
	return grey, sha256.Sum256(data), nil
}

// levelsOf writes the levels of the middle of a picture to dst, [height,width].
func levelsOf(dst []uint8, grey *image.Gray, height, width, levels int, resize Resize) {
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
