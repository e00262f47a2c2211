// Package shard divides bulk work, the drawing or scoring of many images, among processes that
// know nothing of one another, and puts their results together.
//
// A shard is a pair of files: the output, an NPY array, and a manifest, which says what it was
// made of. A pair is there whole or not at all: the output takes its name first, the manifest
// after it, and without its manifest an output counts for nothing. While a shard is made, its
// pieces of [Job.Every] images are kept in a hidden folder beside it, so that a process that
// is ended loses at most one of them.
//
// Every piece, output and manifest is written under a name that no other process has, synced, and
// renamed. Of the file system it is assumed that a rename is atomic, and that a file that was
// closed and renamed is seen whole by who opens it afterwards, as NFS, Lustre and the like
// promise (close-to-open). Locks are not used. Two processes may work on one shard: images are
// functions of what the manifest says, so what the one replaces is what the other has written.
package shard

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
)

// ErrShard is wrapped where a shard is not as it should be.
var ErrShard = errors.New("shard")

// Part is number At, from 0, of Of parts. The zero Part is the whole.
type Part struct{ At, Of int }

// Range divides n images into parts as even as may be, and returns where the part begins and
// how many it has.
func (p Part) Range(n int) (first, count int) {
	if p.Of == 0 {
		return 0, n
	}
	small, more := n/p.Of, n%p.Of
	first = p.At*small + min(p.At, more)
	if p.At < more {
		small++
	}
	return first, small
}

// Name is the name of the part's files, without their endings.
func (p Part) Name() string { return fmt.Sprintf("shard-%05d-of-%05d", p.At, p.Of) }

// MaxParts bounds the number of parts.
const MaxParts = 1e7 - 1

var name = regexp.MustCompile(`^(shard-(\d{5,7})-of-(\d{5,7}))\.(?:json|npy)$`)

// partOf is the part whose file has that name.
func partOf(file string) (p Part, ok bool) {
	m := name.FindStringSubmatch(file)
	if m == nil {
		return p, false
	}
	p.At, _ = strconv.Atoi(m[2])
	p.Of, _ = strconv.Atoi(m[3])
	return p, p.At < p.Of && p.Name() == m[1]
}

// IsName tells whether a file of that name is, or could be, a shard's.
func IsName(file string) bool {
	_, ok := partOf(file)
	return ok
}

// Array writes indexes as Slurm's --array and a range of pages do: 3,17-19. They are sorted.
func Array(indexes []int) string {
	indexes = slices.Sorted(slices.Values(indexes))
	var b []byte
	for i := 0; i < len(indexes); {
		last := i
		for last+1 < len(indexes) && indexes[last+1] == indexes[last]+1 {
			last++
		}
		if b != nil {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(indexes[i]), 10)
		if last > i {
			b = append(b, '-')
			b = strconv.AppendInt(b, int64(indexes[last]), 10)
		}
		i = last + 1
	}
	return string(b)
}
