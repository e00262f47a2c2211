package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	goruntime "runtime"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/dataset"
	"pixelcnn/internal/encoder"
	"pixelcnn/internal/npy"
	"pixelcnn/internal/shard"
	"pixelcnn/runtime"
)

// encoding is a run of encode.
type encoding struct {
	f       *encodeFlags
	cmd     *cobra.Command
	e       *encoder.Encoder
	files   *cli.Folder
	workers []*encoder.Worker
}

// choose finds the pictures.
func (r *encoding) choose() (err error) {
	opt := dataset.PictureOptions{
		Height: r.e.Height, Width: r.e.Width, Channels: r.e.Channels, Levels: 256,
		Limits: r.f.pictures.Limits(), Opened: cli.Reads(r.cmd, "--images"),
	}
	r.files, err = r.f.pictures.Open(r.cmd, r.f.images, 0, func(path string) ([]uint16, error) { return dataset.ReadPicture(path, opt) })
	switch {
	case err != nil:
		return err
	case r.f.labels == "" || r.files.Classes != nil:
		return nil
	case r.files.Unlabelled != nil:
		return fmt.Errorf("--labels: %w", r.files.Unlabelled)
	}
	return fmt.Errorf("--labels: %s has no classes: put each class's pictures in a sub-folder of its own", r.f.images)
}

// open makes the workers.
func (r *encoding) open() error {
	n := r.f.threads
	if n == 0 {
		n = goruntime.GOMAXPROCS(0)
	}
	for range n {
		w, err := r.e.Worker()
		if err != nil {
			return fmt.Errorf("--encoder %s: %w", r.f.encoder, err)
		}
		r.workers = append(r.workers, w)
	}
	return nil
}

func (r *encoding) close() (err error) {
	for _, w := range r.workers {
		err = errors.Join(err, w.Close())
	}
	return err
}

// atOnce is the number of batches that a worker has between two writes.
const atOnce = 4

// each reads n pictures from first on, some at a time, and calls see with their bytes [m, H, W, C]
// and, with encode, their codes [m, h, w].
func (r *encoding) each(ctx context.Context, first, n int, encode bool, see func(levels, codes []uint16) error) error {
	batch := r.e.Batch
	size, area := r.e.Height*r.e.Width*r.e.Channels, npy.Elements(r.e.Shape)
	step := atOnce * batch * len(r.workers)
	levels, codes := make([]uint16, min(n, step)*size), make([]uint16, min(n, step)*area)
	for at := 0; at < n; at += step {
		m := min(step, n-at)
		g, inner := errgroup.WithContext(ctx)
		for k, w := range r.workers {
			g.Go(func() error {
				for i := k * batch; i < m; i += batch * len(r.workers) {
					end := min(i+batch, m)
					for j := i; j < end; j++ {
						one, err := r.files.Levels(inner, first+at+j)
						if err != nil {
							return err
						}
						copy(levels[j*size:], one)
					}
					err := inner.Err()
					if err == nil && encode {
						err = w.Encode(inner, levels[i*size:end*size], codes[i*area:end*area])
					}
					if err != nil {
						return err
					}
				}
				return nil
			})
		}
		err := g.Wait()
		if errors.Is(err, encoder.ErrEncoder) {
			err = fmt.Errorf("--encoder %s: %w", r.f.encoder, err)
		}
		if err == nil {
			err = see(levels[:m*size], codes[:m*area])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// labels are the classes of n pictures from first on.
func (r *encoding) labels(first, n int) []int64 {
	labels := make([]int64, n)
	for i, l := range r.files.Labels[first : first+n] {
		labels[i] = int64(l)
	}
	return labels
}

// write writes the codes, and the classes, as files.
func (r *encoding) write() error {
	first, n := r.f.Shard.Range(len(r.files.Names))
	t := npy.LevelType(r.e.Levels)
	codes := func() error {
		return cli.Output(r.cmd, r.f.output, func(w io.Writer) error {
			if err := npy.WriteHeader(w, t, append([]int{n}, r.e.Shape...)...); err != nil {
				return err
			}
			return r.each(r.cmd.Context(), first, n, true, func(_, codes []uint16) error {
				_, err := w.Write(npy.AppendLevels(nil, codes, t))
				return err
			})
		})
	}
	if r.f.labels == "" {
		return codes()
	}
	return cli.Output(r.cmd, r.f.labels, func(w io.Writer) error {
		if err := npy.WriteHeader(w, npy.Int64, n); err != nil {
			return err
		}
		if err := binary.Write(w, binary.LittleEndian, r.labels(first, n)); err != nil {
			return err
		}
		return codes()
	})
}

// encoded is what codes depend on, beside the encoder and the bytes of the pictures. The runtime is
// part of it, since two runtimes may order scores differently that are nearly equal.
type encoded struct {
	Data, Pictures, EncoderRange, Runtime string
	Height, Width                         int
}

// shard writes a shard into its folder, unless it is there.
func (r *encoding) shard(used runtime.Kind) (skipped bool, err error) {
	sum, err := cli.Sum(r.f.read()...)
	if err != nil {
		return false, err
	}
	names := sha256.Sum256([]byte(strings.Join(r.files.Names, "\x00")))
	job, err := r.f.Job(r.f.output, shard.Manifest{
		Work: shard.Encode, Images: len(r.files.Names), Shape: r.e.Shape, Levels: r.e.Levels, Model: sum,
		Output: &shard.Output{Type: npy.LevelType(r.e.Levels)},
	}, encoded{r.f.images, hex.EncodeToString(names[:]), r.f.within.String(), string(used), r.e.Height, r.e.Width})
	if err != nil {
		return false, err
	}
	if r.f.labels != "" {
		job.Manifest.Labels = &shard.Output{Type: npy.Int64}
	}
	input := func(in io.Writer, levels []uint16) error {
		_, err := in.Write(npy.AppendLevels(nil, levels, npy.Uint8))
		return err
	}
	job.Make = func(ctx context.Context, first, n int, to *shard.Piece) error {
		if r.f.labels != "" {
			to.Labels = r.labels(first, n)
		}
		return r.each(ctx, first, n, true, func(levels, codes []uint16) error {
			if _, err := to.Write(npy.AppendLevels(nil, codes, job.Manifest.Output.Type)); err != nil {
				return err
			}
			return input(to.Input, levels)
		})
	}
	job.Input = func(ctx context.Context, first, n int, in io.Writer) error {
		return r.each(ctx, first, n, false, func(levels, _ []uint16) error { return input(in, levels) })
	}
	return job.Run(r.cmd.Context())
}
