package serve

import (
	"bytes"
	"errors"
	"image"
	"net/http"
	"slices"

	"pixelcnn/dataset"
	"pixelcnn/internal/picture"
	"pixelcnn/sampler"
)

// edit answers POST /v1/images/edits: the transparent pixels of a picture, or of a mask that
// comes with it, are drawn.
func (s *Server) edit(w http.ResponseWriter, r *http.Request) error {
	if err := s.accepts(); err != nil {
		return err
	}
	p, files, err := readForm(r)
	if err != nil {
		return err
	}
	m, err := s.model(p.Model)
	if err != nil {
		return err
	}
	var whole, mask *upload
	for i, f := range files {
		to := &whole
		if f.field == "mask" {
			to = &mask
		}
		if *to != nil {
			return invalid(f.field, "there is more than one %s", f.field)
		}
		*to = &files[i]
	}
	if whole == nil {
		return invalid("image", "image is missing: a picture, whose transparent pixels are drawn")
	}
	sig := m.Signature()
	var in sampler.Inpainting
	if in.Picture, err = s.levels(sig, *whole); err != nil {
		return err
	}
	if mask == nil {
		mask = whole
	} else if a, b := size(mask.data), size(whole.data); a != b {
		return invalid("mask", "the mask has %v pixels, the image %v", a, b)
	}
	if in.Mask, err = s.opaque(sig, *mask); err != nil {
		return err
	}
	if !slices.Contains(in.Mask, false) {
		return invalid("mask", "no pixel is transparent, so there is nothing to draw")
	}
	a, err := s.ask(r, p, m, in)
	if err != nil {
		return err
	}
	return s.draw(w, a)
}

// size is that of a picture.
func size(data []byte) image.Point {
	config, _, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return image.Point{} // it is told when it is decoded
	}
	return image.Pt(config.Width, config.Height)
}

// options say how pictures that are sent are read.
func (s *Server) options() dataset.PictureOptions {
	return dataset.PictureOptions{Limits: dataset.Limits{Pixels: min(s.cfg.MaxPixels, dataset.MaxPixels)}}
}

// levels are those of a picture, [H, W, C].
func (s *Server) levels(sig *sampler.Signature, f upload) ([]uint16, error) {
	levels, err := picture.Decode(f.field, f.data, sig, s.options())
	return levels, s.unusable(f, err)
}

// opaque tells which levels of a picture, [H, W, C], are of a pixel that is not transparent.
func (s *Server) opaque(sig *sampler.Signature, f upload) ([]bool, error) {
	opt := picture.AsTrained(sig, s.options())
	opt.Channels, opt.Levels = 4, 2
	levels, err := dataset.DecodePicture(f.field, f.data, opt)
	if err != nil {
		return nil, s.unusable(f, err)
	}
	var mask []bool
	for rgba := range slices.Chunk(levels, 4) {
		mask = append(mask, slices.Repeat([]bool{rgba[3] == 1}, sig.Channels)...)
	}
	return mask, nil
}

// unusable says what is wrong with a picture.
func (s *Server) unusable(f upload, err error) error {
	switch {
	case errors.Is(err, dataset.ErrLimit):
		return invalid(f.field, "%s has too many pixels: %d are the most", f.field, s.cfg.MaxPixels)
	case errors.Is(err, dataset.ErrFormat):
		return invalid(f.field, "%s is no picture that can be read: PNG, JPEG, GIF, BMP, WebP and TIFF are", f.field)
	case err != nil:
		return invalid(f.field, "%v", err)
	}
	return nil
}
