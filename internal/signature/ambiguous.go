package signature

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"pixelcnn/internal/onnx"
)

// flags are the flags that choose a reading: flag and value by turns, the one that people know best
// first.
func (r reading) flags(g *onnx.Graph) []string {
	return []string{
		"--input-name", g.Inputs[r.picture].Name, "--output-name", g.Outputs[r.output].Name,
		"--head", r.head, "--channels", fmt.Sprint(r.sizes['C']),
		"--height", fmt.Sprint(r.sizes['H']), "--width", fmt.Sprint(r.sizes['W']),
		"--input-layout", strconv.Quote(string(r.in)), "--output-layout", strconv.Quote(string(r.out)),
		"--levels", fmt.Sprint(r.levels),
	}
}

// ambiguous is the error for a file that can be read in several ways: it lists them with the
// flags that tell them apart.
func ambiguous(g *onnx.Graph, all []reading) error {
	ways := make([][]string, len(all))
	for i, r := range all {
		ways[i] = r.flags(g)
	}
	// From the end, each flag is left out without which the readings still differ. The head is what
	// people know best: its flag stays where it differs.
	keep := slices.Repeat([]bool{true}, len(ways[0])/2)
	spell := func(way []string) string {
		var flags []string
		for i, k := range keep {
			if k {
				flags = append(flags, way[2*i]+" "+way[2*i+1])
			}
		}
		return strings.Join(flags, " ")
	}
	for i := len(keep) - 1; i >= 0; i-- {
		if ways[0][2*i] == "--head" && slices.ContainsFunc(all, func(r reading) bool { return r.head != all[0].head }) {
			continue
		}
		keep[i] = false
		seen := map[string]bool{}
		for _, way := range ways {
			seen[spell(way)] = true
		}
		keep[i] = len(seen) < len(ways)
	}
	pictures := func(r reading) string {
		levels := "as many levels as --levels says"
		if r.levels > 0 {
			levels = fmt.Sprintf("%d levels", r.levels)
		}
		return fmt.Sprintf(" (pictures of %d×%d×%d with %s)", r.sizes['H'], r.sizes['W'], r.sizes['C'], levels)
	}
	var list []string
	alike := !slices.ContainsFunc(all, func(r reading) bool { return pictures(r) != pictures(all[0]) })
	for i, r := range all {
		way := spell(ways[i])
		if !alike {
			way += pictures(r)
		}
		list = append(list, way)
	}
	return fmt.Errorf("%w: it can be read in %d ways, choose one: %s", ErrModel, len(all), strings.Join(list, "; or "))
}
