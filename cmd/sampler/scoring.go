package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/internal/npy"
	"pixelcnn/internal/shard"
	"pixelcnn/sampler"
)

// scoring is the scoring of a part of a set.
type scoring struct {
	f        *scoreFlags
	s        *sampler.Sampler
	set      *scored
	first, n int
	bar      *bar
	never    string // says which image is the first of probability 0, and why; "" for none
}

// found is what is known of an image after scoring: log-probabilities in nats.
type found struct {
	image   int
	logProb float64
	given   float64   // given its class, where the classes are known
	symbols []float64 // of each symbol, [H, W], where that is wanted
}

// score scores n images from first on and calls take with the result for each. see, where not nil,
// gets the levels.
func (r *scoring) score(ctx context.Context, first, n int, symbols bool, see func([]uint16) error, take func(found) error) error {
	area := npy.Elements(imageShape(r.s.Signature()))
	for part, err := range r.set.parts(first, n) {
		if err == nil && see != nil {
			err = see(part)
		}
		if err != nil {
			return err
		}
		list, err := r.find(ctx, first, part, symbols)
		if err != nil {
			return err
		}
		for i, f := range list {
			if math.IsInf(f.logProb, -1) && r.never == "" {
				if r.never, err = r.impossible(ctx, f, part[i*area:(i+1)*area]); err != nil {
					return err
				}
			}
			if err := take(f); err != nil {
				return err
			}
		}
		first += len(part) / area
		r.bar.update(first-r.first, r.n)
	}
	return nil
}

// find scores the images of a part; first is the number of the first one.
func (r *scoring) find(ctx context.Context, first int, part []uint16, symbols bool) ([]found, error) {
	sig := r.s.Signature()
	area := npy.Elements(imageShape(sig))
	list := make([]found, len(part)/area)
	for i := range list {
		list[i].image = first + i
	}
	known := sampler.Given{First: uint64(first), Conditions: r.f.given}
	if r.f.class != "" {
		class, err := sig.Class(r.f.class)
		if err != nil {
			return nil, err
		}
		known.Classes = slices.Repeat([]int{class}, len(list))
	}
	if r.set.classes != nil && sig.Classes == nil { // an unknown number of classes cannot be summed out
		known.Classes = r.set.classes[first : first+len(list)]
	}
	if symbols {
		each, err := r.s.ScoreSymbols(ctx, part, known)
		if err != nil {
			return nil, err
		}
		for i := range list {
			list[i].symbols = each[i*area : (i+1)*area]
			for _, lp := range list[i].symbols {
				list[i].logProb += lp
			}
		}
	}
	if sig.ClassInput == "" || known.Classes != nil {
		if !symbols {
			logProb, err := r.s.Score(ctx, part, known)
			if err != nil {
				return nil, err
			}
			for i := range list {
				list[i].logProb = logProb[i]
			}
		}
		for i := range list {
			if r.set.classes != nil {
				list[i].given = list[i].logProb
			}
		}
		return list, nil
	}
	byClass, err := r.s.ScoreByClass(ctx, part, known)
	if err != nil {
		return nil, err
	}
	for i, lp := range sig.SumOut(byClass) {
		list[i].logProb = lp
		if r.set.classes != nil {
			list[i].given = byClass[i*len(sig.Classes)+r.set.classes[first+i]]
		}
	}
	return list, nil
}

// impossible says by which of its symbols an image has probability 0.
func (r *scoring) impossible(ctx context.Context, f found, levels []uint16) (string, error) {
	if f.symbols == nil {
		list, err := r.find(ctx, f.image, levels, true)
		if err != nil {
			return "", err
		}
		f = list[0]
	}
	sig := r.s.Signature()
	k := slices.IndexFunc(f.symbols, func(lp float64) bool { return math.IsInf(lp, -1) })
	if k < 0 { // each may be, but not all of them together
		return "", nil
	}
	name, pixel := fmt.Sprintf("image %d", f.image), k/sig.Channels
	if r.set.files != nil {
		name = cli.Name(r.set.files[f.image])
	}
	at := fmt.Sprintf("row %d, column %d", pixel/sig.Width, pixel%sig.Width)
	if sig.Channels > 1 {
		at += fmt.Sprintf(", channel %d", k%sig.Channels)
	}
	return fmt.Sprintf("%s is impossible under the model: its level %d at %s has probability 0", name, levels[k], at), nil
}

// add adds an image to the sums.
func (r *scoring) add(to *shard.Scores, f found) {
	to.All.Add(f.logProb)
	if r.set.classes != nil {
		if to.Given == nil {
			to.Given = new(shard.Sums)
		}
		to.Given.Add(f.given)
	}
}

// write scores the images and writes the result to w in the format that was asked for, and the
// log-probability of each symbol to each, where that is not nil.
func (r *scoring) write(ctx context.Context, w, each io.Writer) error {
	defer r.bar.clear()
	sig := r.s.Signature()
	shape := imageShape(sig)
	dims := npy.Elements(shape)
	if each != nil {
		if err := npy.WriteHeader(each, npy.Float32, append([]int{r.n}, shape...)...); err != nil {
			return err
		}
	}
	out := bufio.NewWriter(w)
	encoder := cli.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	var scores shard.Scores
	var logProb []float64 // of the files, to sort them
	err := r.score(ctx, r.first, r.n, each != nil, nil, func(f found) error {
		r.add(&scores, f)
		if r.set.files != nil {
			logProb = append(logProb, f.logProb)
		}
		if each != nil {
			if err := writeSymbols(each, f.symbols); err != nil {
				return err
			}
		}
		if r.f.format == "json" {
			return r.writeJSON(encoder, f, dims)
		}
		return nil
	})
	r.bar.clear()
	if err != nil {
		return err
	}
	if r.f.format == "text" {
		writeScores(out, r.set.name, &scores, shape, sig.Levels)
		if r.never != "" {
			fmt.Fprintln(out, r.never)
		}
		if r.set.files != nil {
			writeExtremes(out, r.set.files[r.first:r.first+r.n], logProb, r.f.list, dims)
		}
	}
	return out.Flush()
}

// writeSymbols writes log-probabilities as float32, since the network's outputs have no more
// digits.
func writeSymbols(w io.Writer, symbols []float64) error {
	b := make([]byte, 0, 4*len(symbols))
	for _, lp := range symbols {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(lp)))
	}
	_, err := w.Write(b)
	return err
}

// writeScores writes the means in words.
func writeScores(w io.Writer, name string, scores *shard.Scores, shape []int, levels int) {
	size := make([]string, len(shape))
	for i, d := range shape {
		size[i] = strconv.Itoa(d)
	}
	dims := npy.Elements(shape)
	fmt.Fprintf(w, "%s: %s of %s with %d levels, %s\n",
		cli.Name(name), countImages(scores.All.Images+scores.All.Impossible), strings.Join(size, "×"), levels, nll(&scores.All, dims))
	if scores.Given != nil {
		fmt.Fprintf(w, "given the class: %s\n", nll(scores.Given, dims))
	}
}

// nll is the mean negative log-likelihood in words. With images of probability 0 it is infinite, and that of the
// others is said.
func nll(sums *shard.Sums, dims int) string {
	if sums.Impossible > 0 {
		words := fmt.Sprintf("NLL infinite: %s of probability 0", countImages(sums.Impossible))
		if others := *sums; others.Images > 0 {
			others.Impossible = 0
			words += "; of the others, " + nll(&others, dims)
		}
		return words
	}
	mean, stderr := sums.NLL(dims)
	return fmt.Sprintf("NLL %.4f ± %.4f nats/dim = %.4f ± %.4f bits/dim", mean, stderr, mean/math.Ln2, stderr/math.Ln2)
}

// writeExtremes lists the n most and the n least likely files.
func writeExtremes(w io.Writer, files []string, logProb []float64, n, dims int) {
	order := make([]int, len(logProb))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(logProb[b], logProb[a]) })
	list := func(title string, of []int) {
		fmt.Fprintf(w, "\n%s\n%12s %12s  file\n", title, "nats", "nats/dim")
		for _, i := range of {
			fmt.Fprintf(w, "%12.2f %12.4f  %s\n", logProb[i], -logProb[i]/float64(dims), cli.Name(files[i]))
		}
	}
	if n = min(n, len(order)); n == 0 {
		return
	}
	list("most likely", order[:n])
	slices.Reverse(order)
	list("least likely", order[:n])
}

func (r *scoring) writeJSON(encoder *json.Encoder, f found, dims int) error {
	line := struct {
		Index      int      `json:"index"`
		File       string   `json:"file,omitempty"`
		Class      *int     `json:"class,omitempty"`
		LogProb    *float64 `json:"logprob"`
		Given      *float64 `json:"logprob_given_class,omitempty"`
		NatsPerDim *float64 `json:"nll_nats_per_dim"`
		BitsPerDim *float64 `json:"nll_bits_per_dim"`
		Impossible bool     `json:"impossible,omitempty"` // it has probability 0, the logarithm of which JSON does not have
	}{
		Index: f.image, Impossible: math.IsInf(f.logProb, -1), LogProb: rounded(f.logProb, 100),
		NatsPerDim: rounded(-f.logProb/float64(dims), 1e4), BitsPerDim: rounded(-f.logProb/float64(dims)/math.Ln2, 1e4),
	}
	if r.set.files != nil {
		line.File = r.set.files[f.image]
	}
	if r.set.classes != nil {
		line.Class, line.Given = &r.set.classes[f.image], rounded(f.given, 100)
	}
	return encoder.Encode(line)
}
