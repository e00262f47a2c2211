package serve

import (
	"errors"
	"image"
	"image/draw"
	"net/http"

	"pixelcnn/dataset"
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
	m, err := s.model(or(p.Model, ""))
	if err != nil {
		return err
	}
	var picture, mask image.Image
	for _, f := range files {
		to := &picture
		if f.field == "mask" {
			to = &mask
		}
		if *to != nil {
			return invalid(f.field, "there is more than one %s", f.field)
		}
		if *to, err = s.decode(f); err != nil {
			return err
		}
	}
	if picture == nil {
		return invalid("image", "image is missing: a PNG or JPEG file, whose transparent pixels are drawn")
	}
	if mask == nil {
		mask = picture
	} else if mask.Bounds().Size() != picture.Bounds().Size() {
		return invalid("mask", "the mask has %v pixels, the image %v", mask.Bounds().Size(), picture.Bounds().Size())
	}
	sig := m.Signature()
	in := sampler.Inpainting{Mask: make([]bool, sig.Pixels())}
	if in.Picture, err = s.levels(sig, picture); err != nil {
		return err
	}
	opaque, err := s.limits().Levels(alpha(mask), sig.Height, sig.Width, 2, dataset.Antialias)
	if err != nil {
		return err
	}
	free := 0
	for k, level := range opaque {
		if in.Mask[k] = level == 1; !in.Mask[k] {
			free++
		}
	}
	if free == 0 {
		return invalid("mask", "no pixel is transparent, so there is nothing to draw")
	}
	a, err := s.ask(r, p, m, in)
	if err != nil {
		return err
	}
	return s.draw(w, a)
}

// limits are those of pictures that are sent.
func (s *Server) limits() dataset.Limits { return dataset.Limits{Pixels: s.cfg.MaxPixels} }

// decode decodes a picture that was sent.
func (s *Server) decode(f upload) (image.Image, error) {
	picture, err := s.limits().DecodePicture(f.field, f.data)
	if errors.Is(err, dataset.ErrLimit) {
		return nil, invalid(f.field, "%s has too many pixels: %d are the most", f.field, s.cfg.MaxPixels)
	}
	if err != nil {
		return nil, invalid(f.field, "%s is no PNG or JPEG file that can be read", f.field)
	}
	return picture, nil
}

// levels are those of a picture, as the model's training pictures got theirs.
func (s *Server) levels(sig *sampler.Signature, picture image.Image) ([]uint16, error) {
	return s.limits().Levels(picture, sig.Height, sig.Width, sig.Levels, dataset.ResizeOf(sig.Meta.Preprocess))
}

// alpha is how opaque a picture is, as a picture.
func alpha(picture image.Image) image.Image {
	b := picture.Bounds()
	a := image.NewAlpha(image.Rect(0, 0, b.Dx(), b.Dy()))
	draw.Draw(a, a.Rect, picture, b.Min, draw.Src)
	return &image.Gray{Pix: a.Pix, Stride: a.Stride, Rect: a.Rect}
}
