package dataset

import (
	"encoding/hex"
	"fmt"
)

// The names, without .gz, under which MNIST and its relatives are distributed.
const (
	trainImages = "train-images-idx3-ubyte"
	trainLabels = "train-labels-idx1-ubyte"
	testImages  = "t10k-images-idx3-ubyte"
	testLabels  = "t10k-labels-idx1-ubyte"
)

var idxNames = [4]string{trainImages, trainLabels, testImages, testLabels}

// idxMagic is the magic number of file i of idxNames.
func idxMagic(i int) uint32 {
	if i%2 == 0 {
		return magicImages
	}
	return magicLabels
}

const fashionName = "fashion-mnist"

// pin is what a file's content, uncompressed, must be.
type pin struct {
	size int64
	sum  string // SHA-256, hex
}

// fashionPins are Fashion-MNIST's, in the order of idxNames.
var fashionPins = [4]pin{
	{47040016, "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"},
	{60008, "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"},
	{7840016, "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"},
	{10008, "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"},
}

// fashionClasses are Fashion-MNIST's classes by label, as its README names them.
var fashionClasses = [10]string{
	"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
	"Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
}

func (p pin) matches(f *idxFile) bool {
	return hex.EncodeToString(f.sum[:]) == p.sum
}

// check demands that the file has the pin's content; path is for the error.
func (p pin) check(f *idxFile, path string) error {
	if !p.matches(f) {
		return fmt.Errorf("%w: %s: content has SHA-256 %x, want %s", ErrChecksum, path, f.sum, p.sum)
	}
	return nil
}

// require demands that the files that were read are those of the pins.
func (s *sources) require(pins [4]pin) error {
	for i, f := range s.files {
		if f == nil {
			continue
		}
		if err := pins[i].check(f, s.paths[i]); err != nil {
			return err
		}
	}
	return nil
}

// recognise reports whether the files that were read are those of the pins. Other data sets have the same file
// names, so other content is no error. But where some files are the pins' own, one that has the
// length of its pin and other content is a damaged copy: an error.
func (s *sources) recognise(pins [4]pin) (bool, error) {
	same, read := 0, 0
	for i, f := range s.files {
		if f == nil {
			continue
		}
		read++
		if pins[i].matches(f) {
			same++
		}
	}
	if same == 0 || same == read {
		return same > 0, nil
	}
	for i, f := range s.files {
		if f == nil || f.size != pins[i].size {
			continue
		}
		if err := pins[i].check(f, s.paths[i]); err != nil {
			return false, fmt.Errorf("%w, as other files beside it are Fashion-MNIST's", err)
		}
	}
	return false, nil
}

// describe fills in what differs between Fashion-MNIST and other data sets.
func (s *sources) describe(set *Set, fashion bool) {
	if fashion {
		set.Name, set.ClassNames = fashionName, fashionClasses[:]
		return
	}
	set.Name = folderName(s.dir)
	classes := 0
	for _, f := range []*idxFile{s.files[1], s.files[3]} {
		if f == nil {
			continue
		}
		for _, l := range f.data {
			classes = max(classes, int(l)+1)
		}
	}
	for l := range classes {
		set.ClassNames = append(set.ClassNames, fmt.Sprint(l))
	}
}
