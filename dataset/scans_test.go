package dataset

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
)

// scansJPEG is a progressive JPEG file, grey, of side×side pixels, that goes over them many
// times and changes nothing: each of the scans says that no block has anything to add,
// 32767 blocks in 15 bits.
func scansJPEG(side, scans int) []byte {
	var b bytes.Buffer
	segment := func(marker byte, data ...byte) {
		b.Write([]byte{0xff, marker})
		b.Write(binary.BigEndian.AppendUint16(nil, uint16(len(data)+2)))
		b.Write(data)
	}
	b.Write([]byte{0xff, 0xd8})
	segment(0xdb, append([]byte{0}, bytes.Repeat([]byte{1}, 64)...)...) // quantisation
	segment(0xc2, 8, byte(side>>8), byte(side), byte(side>>8), byte(side), 1, 1, 0x11, 0)
	table := func(class byte, value byte) { // one symbol, of one bit, 0
		segment(0xc4, append([]byte{class, 1}, append(make([]byte, 15), value)...)...)
	}
	table(0x00, 0)
	table(0x10, 0xe0) // 2¹⁴ blocks and as many more as the next 14 bits say
	blocks := (side + 7) / 8 * ((side + 7) / 8)
	segment(0xda, 1, 1, 0, 0, 0, 0) // the means
	b.Write(make([]byte, (blocks+7)/8))
	for range scans {
		segment(0xda, 1, 1, 0, 1, 63, 0)
		b.Write(packed(blocks/32767+1, "011111111111111"))
	}
	b.Write([]byte{0xff, 0xd9})
	return b.Bytes()
}

// packed packs n times some bits, with ones at the end and a 0 behind each byte of ones.
func packed(n int, each string) (out []byte) {
	all := strings.Repeat(each, n)
	all += strings.Repeat("1", (8-len(all)%8)%8)
	for ; all != ""; all = all[8:] {
		var c byte
		for _, bit := range all[:8] {
			c = c<<1 | byte(bit-'0')
		}
		if out = append(out, c); c == 0xff {
			out = append(out, 0)
		}
	}
	return out
}

// TestScans: a JPEG file cannot have its pixels gone over again and again.
func TestScans(t *testing.T) {
	for _, c := range []struct {
		scans int // beside the first
		ok    bool
	}{{0, true}, {10, true}, {maxScans - 1, true}, {maxScans, false}, {20_000, false}} {
		p, err := defaultLimits().newPicture("FILE", scansJPEG(256, c.scans))
		if err != nil {
			t.Fatal(err)
		}
		if _, err = p.planes(1, false); (err == nil) != c.ok || err != nil && (!errors.Is(err, ErrFormat) || !errors.Is(err, errScans)) {
			t.Errorf("%d scans: error %v", c.scans, err)
		}
	}
	// What is behind the picture, as a film may be, counts for nothing.
	behind := append(make([]byte, 1<<12), bytes.Repeat([]byte{0xff, 0xda}, 1<<16)...)
	p, err := defaultLimits().newPicture("FILE", append(scansJPEG(256, 1), behind...))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.planes(1, false); err != nil {
		t.Error(err)
	}
}
