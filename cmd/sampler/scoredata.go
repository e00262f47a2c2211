package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/dataset"
	"pixelcnn/internal/npy"
	"pixelcnn/sampler"
)

// scored is a set of images to score.
type scored struct {
	name     string
	identity string   // what tells it apart from another set of that name
	files    []string // nil for a data set
	images   int
	classes  []int // nil where they are not known, or the model has none

	// parts are the levels of n images from first on, at most atOnce images at a time. A part is
	// valid until the next one is asked for.
	parts func(first, n int) iter.Seq2[[]uint16, error]
}

// atOnce is the number of images that are in memory, and scored, between two updates of the bar.
// Data sets are in memory anyway.
const atOnce = 256

func (f *scoreFlags) loadSet(cmd *cobra.Command, sig *sampler.Signature) (*scored, error) {
	if sig.Height != sig.Width {
		return nil, fmt.Errorf("the model's images are %d×%d; of data sets only square ones can be scored", sig.Height, sig.Width)
	}
	set, err := dataset.LoadPart(cmd.Context(), f.data, dataset.Part(f.split), f.limit, dataset.Options{
		Size: sig.Height, Levels: sig.Levels, Resize: dataset.ResizeOf(sig.Meta.Preprocess), Opened: cli.Reads(cmd, "--data"),
	})
	if err != nil {
		return nil, err
	}
	part := set.Test
	if f.split == string(dataset.TrainPart) {
		part = set.Train
	}
	area := sig.Height * sig.Width
	return &scored{
		name: set.Name + " " + f.split, images: part.N(),
		parts: func(first, n int) iter.Seq2[[]uint16, error] {
			return inParts(part.Pixels[first*area:(first+n)*area], atOnce*area)
		},
		classes: classesOf(sig, set.ClassNames, part.Labels),
	}, nil
}

// inParts yields levels that are in memory, size at a time.
func inParts(levels []uint16, size int) iter.Seq2[[]uint16, error] {
	return func(yield func([]uint16, error) bool) {
		for part := range slices.Chunk(levels, size) {
			if !yield(part, nil) {
				return
			}
		}
	}
}

// classesOf translates a data set's labels into the model's classes: by name where both
// have names, else by number. It is nil where there is a label with no class.
func classesOf(sig *sampler.Signature, names []string, labels []uint8) []int {
	if sig.ClassInput == "" {
		return nil
	}
	var classes []int
	for _, l := range labels {
		class, ok := int(l), int(l) < len(sig.Classes)
		if len(sig.Meta.Classes) > 0 && int(l) < len(names) {
			class, ok = sig.ClassNamed(names[l])
		}
		if !ok {
			return nil
		}
		classes = append(classes, class)
	}
	return classes
}

// isArray tells whether --data is an NPY file.
func (f *scoreFlags) isArray() bool {
	info, err := os.Stat(f.data)
	return err == nil && !info.IsDir() || strings.EqualFold(filepath.Ext(f.data), ".npy")
}

// loadArray looks at an NPY file, which is read as it is scored.
func (f *scoreFlags) loadArray(cmd *cobra.Command, sig *sampler.Signature) (*scored, error) {
	file, h, err := openArray(f.data)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	shape := imageShape(sig)
	begin, err1 := file.Seek(0, io.SeekCurrent)
	end, err2 := file.Seek(0, io.SeekEnd)
	switch {
	case errors.Join(err1, err2) != nil:
		return nil, errors.Join(err1, err2)
	case !h.Type.Integers():
		return nil, fmt.Errorf("%s: the elements are %s; levels are integers from 0 to %d", f.data, h.Type, sig.Levels-1)
	case len(h.Shape) == 0 || !slices.Equal(h.Shape[1:], shape) && !slices.Equal(h.Shape[1:], append(shape, 1)):
		return nil, fmt.Errorf("%s: its shape is %v, must be [n %s as the model's images", f.data, h.Shape, fmt.Sprint(shape)[1:])
	case end-begin != h.Bytes():
		return nil, fmt.Errorf("%s: %d bytes follow the header, must be %d: it was cut off or changed", f.data, end-begin, h.Bytes())
	case h.Shape[0] == 0:
		return nil, fmt.Errorf("%s has no images", f.data)
	}
	images := h.Shape[0]
	if f.limit > 0 {
		images = min(images, f.limit)
	}
	set := &scored{
		name: f.data, identity: fmt.Sprintf("%s %v", h.Type, h.Shape), images: images,
		parts: func(first, n int) iter.Seq2[[]uint16, error] {
			return readArray(cmd.Context(), f.data, h, begin, first, n, sig.Levels)
		},
	}
	if f.labels != "" {
		if set.classes, err = readLabels(f.labels, h.Shape[0], sig); err != nil {
			return nil, fmt.Errorf("--labels: %w", err)
		}
		set.identity += " labels " + hashOf([]string{fmt.Sprint(set.classes)})
	}
	return set, nil
}

// readLabels reads the classes of n images.
func readLabels(path string, n int, sig *sampler.Signature) ([]int, error) {
	file, h, err := openArray(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if !h.Type.Integers() || !slices.Equal(h.Shape, []int{n}) {
		return nil, fmt.Errorf("%s: it is %s %v, must be integers [%d], as many as there are images", path, h.Type, h.Shape, n)
	}
	numbers := make([]uint16, n)
	if err := h.Levels(bufio.NewReader(file), numbers, 0); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	classes := make([]int, n)
	for i, class := range numbers {
		if classes[i] = int(class); sig.CheckClass(classes[i]) != nil {
			return nil, fmt.Errorf("%s: image %d: %w", path, i, sig.CheckClass(classes[i]))
		}
	}
	return classes, nil
}

// manyLevels bounds the levels of an array that are in memory.
const manyLevels = 1 << 24

// readArray reads n images of an array, whose elements begin at a place of the file.
func readArray(ctx context.Context, name string, h npy.Header, begin int64, first, n, most int) iter.Seq2[[]uint16, error] {
	return func(yield func([]uint16, error) bool) {
		area := npy.Elements(h.Shape[1:])
		file, err := os.Open(name)
		if err == nil {
			defer file.Close()
			_, err = file.Seek(begin+int64(first)*int64(area)*int64(h.Type.Size()), io.SeekStart)
		}
		step := min(atOnce, max(1, manyLevels/area))
		levels := make([]uint16, min(n, step)*area)
		for at := 0; at < n && err == nil; at += step {
			levels = levels[:min(step, n-at)*area]
			from := (first + at) * area
			if err = h.Levels(file, levels, from); err != nil {
				err = fmt.Errorf("%s: %w", name, err)
			}
			for k, level := range levels {
				if err == nil && int(level) >= most {
					err = fmt.Errorf("%s: image %d has level %d, the model has %d levels: from 0 to %d", name, (from+k)/area, level, most, most-1)
				}
			}
			if err == nil {
				err = ctx.Err()
			}
			if err == nil && !yield(levels, nil) {
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

// hashOf is what tells a list of files apart from another.
func hashOf(files []string) string {
	sum := sha256.Sum256([]byte(strings.Join(files, "\x00")))
	return hex.EncodeToString(sum[:])
}
