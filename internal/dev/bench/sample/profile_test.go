package sample

import (
	"errors"
	"math"
	"os"
	"os/exec"
	"regexp"
	"runtime/pprof"
	"strconv"
	"time"
)

// What of a draw is the settling of near ties, and what the rest of drawing levels: the names
// of functions, as regular expressions.
const (
	settlingCode = `internal/compile/exact|engine\.\(\*Settler\)`
	drawingCode  = `internal/likelihood|sampler/internal/draw`
)

// profile is where the processors' time went in the last run.
type profile struct {
	file string
	ties float64 // near ties an image
	data []byte
}

// of profiles f and times it, without the tenth of a second in which a profile is ended.
func (p *profile) of(f func() error) (spent, error) {
	out, err := os.Create(p.file)
	if err != nil {
		return spent{}, err
	}
	if err := pprof.StartCPUProfile(out); err != nil {
		return spent{}, errors.Join(err, out.Close())
	}
	start, before := time.Now(), processor()
	err = f()
	took := spent{time.Since(start), processor() - before}
	pprof.StopCPUProfile()
	if err = errors.Join(err, out.Close()); err == nil {
		p.data, err = os.ReadFile(p.file)
	}
	return took, err
}

var accounted = regexp.MustCompile(`Showing nodes accounting for [^,]*, ([0-9.]+)% of`)

// share is the share of functions that match focus, but not beneath those that match ignore;
// it is not a number where that cannot be found out.
func (p *profile) share(focus, ignore string) float64 {
	if os.WriteFile(p.file, p.data, 0o666) != nil {
		return math.NaN()
	}
	args := []string{"tool", "pprof", "-top", "-nodefraction=0", "-nodecount=1000000", "-focus=" + focus}
	if ignore != "" {
		args = append(args, "-ignore="+ignore)
	}
	out, err := exec.Command("go", append(args, p.file)...).Output()
	found := accounted.FindSubmatch(out)
	if err != nil || found == nil {
		return math.NaN()
	}
	percent, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		return math.NaN()
	}
	return percent / 100
}
