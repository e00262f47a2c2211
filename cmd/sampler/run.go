package main

import (
	"encoding/binary"
	"io"

	"github.com/spf13/cobra"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/sampler"
)

// run is a draw and what it leaves for reports.
type run struct {
	f   *drawFlags
	cmd *cobra.Command
	s   *sampler.Sampler
	req sampler.Request

	first                []sampler.Sample // the first ones, for a preview
	effective, resampled float64          // sums over the images
	classes              []int            // of the images, where --labels wants them
}

// write draws the images and writes them.
func (r *run) write() error {
	spec := r.s.Spec()
	if isPattern(r.f.output) {
		out, err := newFiles(r.cmd, spec, r.f)
		if err != nil {
			return err
		}
		return r.into(out)
	}
	return cli.Output(r.cmd, r.f.output, func(w io.Writer) error {
		if r.f.format == "gif" {
			return r.animate(w)
		}
		out, err := sinks[r.f.format](w, spec, r.f)
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
		r.remember(sample)
	}
	return out.close()
}

// writeLabels writes the images' classes.
func (r *run) writeLabels(w io.Writer) error {
	if err := writeNPYHeader(w, "<i8", len(r.classes)); err != nil {
		return err
	}
	return binary.Write(w, binary.LittleEndian, int64s(r.classes))
}

func int64s(list []int) []int64 {
	out := make([]int64, len(list))
	for i, x := range list {
		out[i] = int64(x)
	}
	return out
}

func (r *run) animate(w io.Writer) error {
	g, err := drawGIF(r.cmd.Context(), r.s, r.req, r.f, w)
	if err != nil {
		return err
	}
	pixels := len(g.levels) / r.req.N
	for i := range r.req.N {
		sample := sampler.Sample{Index: r.req.First + uint64(i), Levels: g.levels[i*pixels : (i+1)*pixels], Class: -1}
		if g.classes != nil {
			sample.Class = g.classes[i]
		}
		r.remember(sample)
	}
	return nil
}

// remember keeps what is needed when all images are there.
func (r *run) remember(s sampler.Sample) {
	if r.f.labels != "" {
		r.classes = append(r.classes, s.Class)
	}
	if r.f.preview != "none" && len(r.first) < previewed {
		r.first = append(r.first, s)
	}
}
