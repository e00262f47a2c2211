package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"pixelcnn/cmd/internal/cli"
	"pixelcnn/dataset"
	"pixelcnn/models"
	"pixelcnn/train"
)

// report reports on the training: on the terminal, in the metrics, as a plot.
type report struct {
	cmd      *cobra.Command
	flags    *trainFlags
	set      *dataset.Set
	log      io.Writer
	terminal bool      // whether log is one: then the progress line is written over
	last     time.Time // when the progress line was written
	metrics  *os.File
	lines    io.Writer // the metrics or standard output; nil for none
	before   []byte    // the line after which a resumed run goes on
	curve    curve
	perEpoch float64 // steps an epoch
}

// epochs is the number of epochs after a step.
func (r *report) epochs(step int) float64 { return float64(step) / r.perEpoch }

// newReport begins a report, or goes on with one after a step.
func newReport(cmd *cobra.Command, f *trainFlags, set *dataset.Set, step int) (*report, error) {
	r := &report{cmd: cmd, flags: f, set: set, log: cmd.ErrOrStderr()}
	if file, ok := r.log.(*os.File); ok {
		r.terminal = term.IsTerminal(int(file.Fd()))
	}
	batch := f.train.Batch
	r.perEpoch = float64((set.Train.N()-1)/batch + 1)
	switch f.metrics {
	case "":
	case "-":
		r.lines = cmd.OutOrStdout()
	default:
		if !f.train.Resume {
			step = -1
		}
		var err error
		if r.metrics, r.before, err = openMetrics(f.metrics, step); err != nil {
			return nil, err
		}
		r.lines = r.metrics
	}
	return r, nil
}

func (r *report) begin(m *models.Model, t *train.Trainer) {
	parameters := 0
	for _, p := range m.Params() {
		parameters += p.Len()
	}
	validation, classes := "", ""
	if n := r.set.Validation.N(); n > 0 {
		validation = fmt.Sprintf(", %d validation", n)
	}
	if m.Classes > 0 {
		classes = fmt.Sprintf(", %d classes", m.Classes)
	}
	fmt.Fprintf(r.log, "%s: %d training%s and %d test images, %d×%d, %d levels%s\n",
		cli.Name(r.set.Name), r.set.Train.N(), validation, r.set.Test.N(), m.Size, m.Size, m.Levels, classes)
	fmt.Fprintf(r.log, "%s: %d filters, %d blocks, %d parameters\n", m.Arch, m.Hidden, m.Blocks, parameters)
	if t.Steps() > 0 {
		fmt.Fprintf(r.log, "resumed after step %d\n", t.Steps())
	}
}

// quiet is the time between two lines of progress where they are not written over.
const quiet = 10 * time.Second

func (r *report) step(s train.Step) error {
	r.curve.addLoss(r.epochs(s.Step), s.Loss)
	pause := quiet
	if r.terminal {
		pause = time.Second / 5
	}
	if now := time.Now(); now.Sub(r.last) >= pause || s.EpochDone || s.Step == s.Steps {
		r.last = now
		epochs := int((float64(s.Steps) + r.perEpoch - 1) / r.perEpoch)
		line := fmt.Sprintf("epoch %d/%d  step %d/%d  loss %.4f nats/dim  %.0f images/s  %v left",
			s.Epoch, epochs, s.Step, s.Steps, s.EpochLoss, s.ImagesPerSecond, s.Left.Round(time.Second))
		if r.terminal {
			fmt.Fprintf(r.log, "\r\x1b[K%s", line)
			if s.EpochDone || s.Step == s.Steps {
				fmt.Fprintln(r.log)
			}
		} else {
			fmt.Fprintln(r.log, line)
		}
	}
	err := r.write(struct {
		Step            int     `json:"step"`
		Epoch           int     `json:"epoch"`
		Loss            float64 `json:"loss"`
		StepMS          float64 `json:"step_ms"`
		ImagesPerSecond float64 `json:"images_per_s"`
		GradientNorm    float64 `json:"gradient_norm,omitzero"`
	}{s.Step, s.Epoch, s.Loss, float64(s.Duration.Microseconds()) / 1000, s.ImagesPerSecond, s.GradientNorm})
	if err != nil || !s.EpochDone {
		return err
	}
	return r.writeNLL(s.Step, "train", s.EpochLoss)
}

// evaluation reports a split's likelihood under the weights after a step.
func (r *report) evaluation(step int, split string, l train.Likelihood) error {
	return r.evaluated(step, split, l, "")
}

func (r *report) validation(v train.Validation) error {
	note := ""
	switch {
	case v.Stop:
		note = fmt.Sprintf(": the last of %d with nothing better, training ends", r.flags.train.Patience)
	case v.Best:
		note = ", the best so far"
	}
	return r.evaluated(v.Step, "validation", v.Likelihood, note)
}

func (r *report) evaluated(step int, split string, l train.Likelihood, note string) error {
	r.curve.addNLL(split, r.epochs(step), l.NatsPerDim)
	fmt.Fprintf(r.log, "%s NLL %.4f ± %.4f nats/dim = %.4f bits/dim%s\n", split, l.NatsPerDim, l.StdErr, l.BitsPerDim(), note)
	return r.writeNLL(step, split, l.NatsPerDim)
}

// writeNLL writes a split's likelihood to the metrics. That of split train is the mean of
// the epoch's losses, each before its step's update.
func (r *report) writeNLL(step int, split string, nats float64) error {
	return r.write(struct {
		Epoch int     `json:"epoch"`
		Split string  `json:"split"`
		Nats  float64 `json:"nll_nats_per_dim"`
		Bits  float64 `json:"nll_bits_per_dim"`
	}{int(r.epochs(step)), split, nats, nats / math.Ln2})
}

// write writes a line of metrics, unless a resumed run repeats the line after which it goes on.
func (r *report) write(object any) error {
	if r.lines == nil {
		return nil
	}
	line, err := json.Marshal(object)
	if err != nil {
		return err
	}
	line = append(line, '\n')
	again := bytes.Equal(line, r.before)
	r.before = nil
	if again {
		return nil
	}
	_, err = r.lines.Write(line)
	return err
}

func (r *report) written(path string) {
	if path != "-" {
		fmt.Fprintln(r.log, cli.Name(path))
	}
}

// close draws the plot of what there is.
func (r *report) close() error {
	var err error
	if r.metrics != nil {
		err = r.metrics.Close()
	}
	if r.flags.plot != "" {
		err = errors.Join(err, cli.Output(r.cmd, r.flags.plot, r.curve.write))
	}
	return err
}
