package shard

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
)

// Set is the shards in a folder.
type Set struct {
	Dir     string
	Shards  []*Manifest // those that fit, in order
	Of      int         // how many there should be
	Missing []int       // those that are not there
	Bad     []Problem   // those that are there but not as they should be
}

// Problem is what is wrong with a shard.
type Problem struct {
	Shard int
	Err   error
}

// Open reads the manifests of a folder and compares them with one another, and the outputs'
// lengths with them. The error wraps [ErrShard] where there are none, or where they are
// shards of different numbers.
func Open(dir string) (*Set, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var parts []Part
	for _, e := range entries {
		p, ok := partOf(e.Name())
		if !ok {
			continue
		}
		if len(parts) > 0 && parts[0].Of != p.Of {
			return nil, fmt.Errorf("%w: %s has shards of two divisions, %s and %s", ErrShard, dir, parts[0].Name(), p.Name())
		}
		parts = append(parts, p)
	}
	if len(parts) == 0 {
		return nil, fmt.Errorf("%w: %s has no shards", ErrShard, dir)
	}
	slices.SortFunc(parts, func(a, b Part) int { return cmp.Compare(a.At, b.At) })
	parts = slices.Compact(parts)
	s := &Set{Dir: dir, Of: parts[0].Of}
	for at := range s.Of {
		if len(parts) == 0 || parts[0].At != at {
			s.Missing = append(s.Missing, at)
			continue
		}
		p := parts[0]
		parts = parts[1:]
		m, err := read(dir, p)
		if os.IsNotExist(err) {
			s.Missing = append(s.Missing, at)
			continue
		}
		if err == nil {
			err = s.check(m)
		}
		if err != nil {
			s.Bad = append(s.Bad, Problem{at, err})
			continue
		}
		s.Shards = append(s.Shards, m)
	}
	return s, nil
}

// check compares a manifest with the first one, and its output's length with it.
func (s *Set) check(m *Manifest) error {
	if len(s.Shards) > 0 {
		first := s.Shards[0]
		if d := m.difference(first); d != "" {
			return fmt.Errorf("%w: %s: its %s as in %s", ErrShard, m.Part().Name(), d, first.Part().Name())
		}
	}
	for _, a := range m.arrays() {
		f, err := a.open(s.Dir)
		if err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}

// Whole tells whether no shard is missing or bad.
func (s *Set) Whole() bool { return len(s.Missing) == 0 && len(s.Bad) == 0 }

// Each calls take with the elements of each shard's output in order, and compares the output's hash
// when it has been read. A shard that does not fit goes to Bad; then what take has made of it must
// not be used.
func (s *Set) Each(ctx context.Context, take func(m *Manifest, elements io.Reader) error) error {
	return s.each(ctx, 0, take)
}

// each is Each for one of the shards' arrays.
func (s *Set) each(ctx context.Context, which int, take func(m *Manifest, elements io.Reader) error) error {
	for _, m := range s.Shards {
		if err := s.one(ctx, m, which, take); err != nil {
			return err
		}
	}
	return nil
}

func (s *Set) one(ctx context.Context, m *Manifest, which int, take func(*Manifest, io.Reader) error) error {
	f, err := m.arrays()[which].open(s.Dir)
	if err == nil {
		defer f.Close()
		if err := take(m, f); err != nil {
			return err
		}
		err = f.drain()
	}
	if err != nil {
		s.Bad = append(s.Bad, Problem{m.Shard, err})
	}
	return ctx.Err()
}

// Join writes the outputs as one array. Where one does not fit it returns nil as well, and Bad says
// why: what was written must not be used then.
func (s *Set) Join(ctx context.Context, w io.Writer) error { return s.join(ctx, w, 0) }

// JoinLabels is [Set.Join] for the classes, where the manifests have them.
func (s *Set) JoinLabels(ctx context.Context, w io.Writer) error { return s.join(ctx, w, 1) }

func (s *Set) join(ctx context.Context, w io.Writer, which int) error {
	first := s.Shards[0]
	if _, err := w.Write(first.arrays()[which].whole(first.Images).Marshal()); err != nil {
		return err
	}
	return s.each(ctx, which, func(_ *Manifest, r io.Reader) error {
		_, err := r.(*output).WriteTo(&watched{ctx, w})
		return err
	})
}

// Scores are the sums over all shards.
func (s *Set) Scores() *Scores {
	all := new(Scores)
	for _, m := range s.Shards {
		all.Merge(m.Scores)
	}
	return all
}

// watched stops writing once its context ends.
type watched struct {
	ctx context.Context
	w   io.Writer
}

func (w *watched) Write(b []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.w.Write(b)
}
