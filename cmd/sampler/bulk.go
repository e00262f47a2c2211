package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/internal/npy"
	"pixelcnn/internal/shard"
	"pixelcnn/sampler"
)

// job returns the job that makes a shard in a folder; the caller sets what it makes.
func (m *modelFlags) job(s *cli.Shards, dir string, sig *sampler.Signature, images int, parameters ...any) (*shard.Job, error) {
	if info, err := os.Stat(m.model); err == nil && !info.Mode().IsRegular() {
		return nil, cli.Usagef("--model %s: a shard in a folder needs a file that can be read twice", m.model)
	}
	sum, err := m.sum()
	if err != nil {
		return nil, err
	}
	return s.Job(dir, shard.Manifest{
		Images: images, Shape: imageShape(sig), Levels: sig.Levels, Palette: sig.Meta.Palette, Model: sum,
	}, parameters...)
}

// shard draws a shard into its folder, unless it is there.
func (r *run) shard(cfg sampler.Config) (skipped bool, err error) {
	sig := r.s.Signature()
	in := r.req.Inpainting
	job, err := r.f.job(&r.f.Shards, r.f.output, sig, r.f.n, reading(cfg), r.f.values(), r.req.Parameters, drawn{
		r.req.Classes, r.req.ClassRun, r.req.BestOf, given(in), in.Particles,
	})
	if err != nil {
		return false, err
	}
	job.Manifest.Work = shard.Draw
	job.Manifest.Output = &shard.Output{Type: npy.LevelType(sig.Levels)}
	if r.f.labels != "" {
		job.Manifest.Labels = &shard.Output{Type: npy.Int64}
	}
	first, all := job.Manifest.First, job.Manifest.Count
	progress, area := r.req.Progress, npy.Elements(job.Manifest.Shape)
	job.Make = func(_ context.Context, at, n int, to *shard.Piece) error {
		r.req.First, r.req.N = uint64(at), n
		if progress != nil {
			r.req.Progress = func(done, of int) {
				progress((at-first)*area+int(float64(done)/float64(of)*float64(n*area)), all*area)
			}
		}
		r.classes = nil
		err := r.into(raw{to, job.Manifest.Output.Type})
		to.Labels = r.classes
		return err
	}
	skipped, err = job.Run(r.cmd.Context())
	r.req.First, r.req.N = uint64(first), all
	return skipped, err
}

// shard scores a shard into its folder, unless it is there.
func (r *scoring) shard(ctx context.Context, cfg sampler.Config) (skipped bool, err error) {
	job, err := r.f.job(&r.f.Shards, r.f.output, r.s.Signature(), r.set.images, reading(cfg), r.f.values(), data{r.set.name, r.set.identity, r.f.class, string(r.f.used)})
	if err != nil {
		return false, err
	}
	job.Manifest.Work = shard.Score
	symbols := r.f.perPixel != ""
	if symbols {
		job.Manifest.Output = &shard.Output{Type: npy.Float32}
	}
	see := func(in io.Writer) func([]uint16) error {
		return func(levels []uint16) error {
			_, err := in.Write(npy.AppendLevels(nil, levels, npy.Uint16))
			return err
		}
	}
	job.Make = func(ctx context.Context, first, n int, to *shard.Piece) error {
		to.Scores = new(shard.Scores)
		return r.score(ctx, first, n, symbols, see(to.Input), func(f found) error {
			r.add(to.Scores, f)
			if symbols {
				return writeSymbols(to, f.symbols)
			}
			return nil
		})
	}
	job.Input = func(ctx context.Context, first, n int, in io.Writer) error {
		for levels, err := range r.set.parts(first, n) {
			if err == nil {
				err = see(in)(levels)
			}
			if err != nil {
				return err
			}
		}
		return ctx.Err()
	}
	return job.Run(ctx)
}

// drawn are the parameters of a draw beside [sampler.Parameters].
type drawn struct {
	Classes   []int
	ClassRun  int
	BestOf    int
	Given     string // the hash of what is given
	Particles int
}

// data is what is scored, and the runtime that scores it, since runtimes differ in the last bits.
type data struct{ Data, DataIdentity, Class, Runtime string }

// reading is the part of a configuration that decides results. The rest decides only how they are
// computed.
func reading(cfg sampler.Config) sampler.Config {
	cfg.Engine, cfg.Raster, cfg.Batch, cfg.Threads = "", false, 0, 0
	return cfg
}

// given is the hash of the levels that are given, "" where none is.
func given(in sampler.Inpainting) string {
	if in.Mask == nil {
		return ""
	}
	levels := make([]uint16, 0, 2*len(in.Picture))
	for k, level := range in.Picture {
		if in.Mask[k%len(in.Mask)] {
			levels = append(levels, 1, level)
		} else {
			levels = append(levels, 0, 0)
		}
	}
	sum := sha256.Sum256(npy.AppendLevels(nil, levels, npy.Uint16))
	return hex.EncodeToString(sum[:])
}
