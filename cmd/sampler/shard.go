package main

import (
	"fmt"
	"strconv"
	"strings"
)

// shard is the value of --shard: the part at of parts.
type shard struct{ at, parts int }

func (s *shard) Set(text string) error {
	at, parts, ok := strings.Cut(text, "/")
	var next shard
	var err1, err2 error
	next.at, err1 = strconv.Atoi(at)
	next.parts, err2 = strconv.Atoi(parts)
	if !ok || err1 != nil || err2 != nil || next.at < 0 || next.at >= next.parts {
		return fmt.Errorf("must be I/N with I from 0 to N-1, as 0/8")
	}
	*s = next
	return nil
}

func (s *shard) String() string {
	if s.parts == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", s.at, s.parts)
}

func (s *shard) Type() string { return "I/N" }

// of divides n images into parts as even as may be, and returns where the shard's
// begins and how many it has.
func (s *shard) of(n int) (first, count int) {
	if s.parts == 0 {
		return 0, n
	}
	small, more := n/s.parts, n%s.parts
	first = s.at*small + min(s.at, more)
	if s.at < more {
		small++
	}
	return first, small
}
