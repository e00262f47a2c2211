package main

import (
	"encoding/binary"
	"io"

	"github.com/spf13/cobra"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/internal/npy"
	"pixelcnn/sampler"
)

// run is a draw, and what of it is kept for reports.
type run struct {
	f   *drawFlags
	cmd *cobra.Command
	s   *sampler.Sampler
	req sampler.Request

	first                []sampler.Sample // the first ones, for a preview
	effective, resampled float64          // sums over the images
	classes              []int64          // of a piece of a shard in a folder, where --labels asks for them
	labels               io.Writer        // takes the images' classes; nil where --labels does not ask for them
}

// writeAll draws the images and writes them, and their classes beside them.
func (r *run) writeAll() error {
	if r.f.labels == "" {
		return r.write()
	}
	return cli.Output(r.cmd, r.f.labels, func(w io.Writer) error {
		r.labels = w
		if err := npy.WriteHeader(w, npy.Int64, r.req.N); err != nil {
			return err
		}
		return r.write()
	})
}

// write draws the images and writes them.
func (r *run) write() error {
	sig := r.s.Signature()
	if isPattern(r.f.output) {
		out, err := newFiles(r.cmd, sig, r.f)
		if err != nil {
			return err
		}
		return r.into(out)
	}
	return cli.Output(r.cmd, r.f.output, func(w io.Writer) error {
		if r.f.format == "gif" {
			return r.animate(w)
		}
		out, err := sinks[r.f.format](w, sig, r.f)
		if err != nil {
			return err
		}
		return r.into(out)
	})
}

// into puts each image into out as it is done.
func (r *run) into(out sink) error {
	for sample, err := range r.s.Samples(r.cmd.Context(), r.req) {
		if err != nil {
			return err
		}
		if err := out.add(sample); err != nil {
			return err
		}
		r.effective += sample.EffectiveSize
		r.resampled += float64(sample.Resampled)
		if err := r.remember(sample); err != nil {
			return err
		}
	}
	return out.close()
}

func (r *run) animate(w io.Writer) error {
	g, err := drawGIF(r.cmd.Context(), r.s, r.req, r.f, w)
	if err != nil {
		return err
	}
	symbols := len(g.levels) / r.req.N
	for i := range r.req.N {
		sample := sampler.Sample{Index: r.req.First + uint64(i), Levels: g.levels[i*symbols : (i+1)*symbols], Class: -1}
		if g.classes != nil {
			sample.Class = g.classes[i]
		}
		if err := r.remember(sample); err != nil {
			return err
		}
	}
	return nil
}

// remember writes an image's class, and keeps what a preview needs.
func (r *run) remember(s sampler.Sample) error {
	if r.f.preview != "none" && len(r.first) < previewed {
		r.first = append(r.first, s)
	}
	switch {
	case r.f.labels == "":
		return nil
	case r.labels == nil: // a shard in a folder
		r.classes = append(r.classes, int64(s.Class))
		return nil
	}
	return binary.Write(r.labels, binary.LittleEndian, int64(s.Class))
}
