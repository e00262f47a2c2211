package judge

import (
	"fmt"
	"io"
	"slices"
)

// A trial is a set of images that were judged.
type trial struct {
	name   string
	images []uint16  // levels, [n, pixels]
	asked  []uint8   // their classes, [n]
	told   []float64 // log-probability of each class, up to a constant for each image, [n, classes]; nil before
}

// nearlyEmpty is how many pixels of a picture that is nearly empty may not be black.
const nearlyEmpty = 20

// first is the first n images, not yet judged.
func (t trial) first(n int) trial {
	n = min(n, len(t.asked))
	pixels := len(t.images) / len(t.asked)
	return trial{name: t.name, images: t.images[:n*pixels], asked: t.asked[:n]}
}

// confusion counts the images by the class that was asked for and the one that was told, and
// those that are nearly empty by the former.
func (t trial) confusion(classes int) (told [][]int, empty []int) {
	told, empty = make([][]int, classes), make([]int, classes)
	for c := range told {
		told[c] = make([]int, classes)
	}
	pixels := len(t.images) / len(t.asked)
	for i, asked := range t.asked {
		row := t.told[i*classes:][:classes]
		told[asked][slices.Index(row, slices.Max(row))]++
		bright := 0
		for _, level := range t.images[i*pixels:][:pixels] {
			if level > 0 {
				bright++
			}
		}
		if bright < nearlyEmpty {
			empty[asked]++
		}
	}
	return told, empty
}

// print writes the share of images that are recognised, of all and by class.
func (t trial) print(w io.Writer, names []string) {
	told, empty := t.confusion(len(names))
	right, blank := 0, 0
	for c := range names {
		right, blank = right+told[c][c], blank+empty[c]
	}
	n := float64(len(t.asked))
	fmt.Fprintf(w, "\n**%s**: %.1f %% of %d are recognised; %.1f %% are nearly empty\n\n", t.name, 100*float64(right)/n, len(t.asked), 100*float64(blank)/n)
	fmt.Fprint(w, "| class | recognised | nearly empty | taken for |\n|---|---|---|---|\n")
	for c, name := range names {
		of := 0
		for _, k := range told[c] {
			of += k
		}
		if of == 0 {
			continue
		}
		share := 100 / float64(of)
		fmt.Fprintf(w, "| %s | %.1f %% | %.1f %% |", name, share*float64(told[c][c]), share*float64(empty[c]))
		for other, k := range told[c] {
			if other != c && share*float64(k) >= 2 {
				fmt.Fprintf(w, " %s %.1f %%", names[other], share*float64(k))
			}
		}
		fmt.Fprintln(w, " |")
	}
}
