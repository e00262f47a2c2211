package sample

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"pixelcnn/internal/onnx"
	"pixelcnn/sampler"
)

var (
	networks = flag.String("networks", "", "measure networks of networks.py: their `NAMES`, with commas")
	files    = flag.String("files", "", "`FOLDER` where their files are kept; without one they are made anew")
)

// Images that networks are drawn with at once, and those of the pass that is timed for as
// many, since some networks take gigabytes.
const (
	many       = 64
	passImages = 16
	equal      = 8 // images that are compared with the full loop's
	equalSize  = "@8"
	enough     = 15 * time.Second // for a contestant, however many rounds there are
)

// net is one of networks.py's.
type net struct {
	name  string
	model *sampler.Model
	file  []byte
	// conditions are those of so many images.
	conditions map[string]*sampler.Tensor
}

// TestNetworks measures networks of useful size: drawn by both runtimes, beside the full
// loop, PyTorch's loops and the limit.
func TestNetworks(t *testing.T) {
	if *networks == "" {
		t.Skip("it measures with -networks only: make bench-compile")
	}
	m := newMachine(t)
	names := strings.Split(*networks, ",")
	m.makeNetworks(t, names, equalSize)
	limit, err := m.limit()
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("ONNX Runtime %s, %d threads.\n", m.ort.Version(), m.threads)
	limit.print()
	for _, name := range names {
		m.sameAsFull(t, name+equalSize)
		if err := m.network(name, limit); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
}

// makeNetworks has networks.py write what is not there: the networks, and those with the
// suffix.
func (m *machine) makeNetworks(t *testing.T, names []string, suffix string) {
	if *files == "" {
		*files = t.TempDir()
	}
	if err := os.MkdirAll(*files, 0o777); err != nil {
		t.Fatal(err)
	}
	args := []string{"internal/dev/bench/sample/networks.py", *files}
	for _, name := range names {
		for _, name := range []string{name, name + suffix} {
			if _, err := os.Stat(networkFile(name)); err != nil && !slices.Contains(args, name) {
				args = append(args, name)
			}
		}
	}
	if len(args) == 2 {
		return
	}
	if m.python == "" {
		t.Fatal("the networks' files are made by a Python with PyTorch and onnx: -python")
	}
	cmd := exec.Command(m.python, args...)
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		t.Fatal(cmd.Args, err)
	}
}

func networkFile(name string) string { return filepath.Join(*files, name+".onnx") }

// read reads a network, and makes conditions for n images.
func (m *machine) read(name string, n int) (*net, error) {
	file, err := os.ReadFile(networkFile(name))
	if err != nil {
		return nil, err
	}
	model, err := sampler.Read(file, sampler.Config{})
	if err != nil {
		return nil, err
	}
	k := &net{name: name, model: model, file: file, conditions: map[string]*sampler.Tensor{}}
	rng := rand.New(rand.NewPCG(1, 1))
	for _, c := range model.Signature.Conditions {
		shape := append([]int{n}, c.Shape...)
		size, err := onnx.Size(shape)
		if err != nil {
			return nil, err
		}
		codes := make([]int64, size)
		for i := range codes {
			codes[i] = rng.Int64N(int64(model.Signature.Levels))
		}
		k.conditions[c.Name] = onnx.NewTensor(codes, shape...)
	}
	return k, nil
}

// openNetwork opens a network, compiled unless the engine is another one.
func (m *machine) openNetwork(k *net, rt onnx.Runtime, engine sampler.Engine) (*sampler.Sampler, error) {
	s, err := sampler.Open(rt, k.file, sampler.Config{Engine: engine, Threads: m.threads})
	if err == nil {
		m.closers = append(m.closers, s.Close)
	}
	return s, err
}

// draw is what draws n images.
func (k *net) draw(s *sampler.Sampler, n int) func(context.Context) error {
	levels := make([]uint16, n*s.Signature().Symbols())
	return func(ctx context.Context) error {
		return s.Draw(ctx, sampler.Request{N: n, LevelsOnly: true, Conditions: k.conditions}, levels)
	}
}

// sameAsFull holds the compiled form against the full loop, on both runtimes and for few
// images and many.
func (m *machine) sameAsFull(t *testing.T, name string) {
	k, err := m.read(name, many)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	size, ties := k.model.Signature.Symbols(), int64(0)
	images := func(rt onnx.Runtime, engine sampler.Engine, n int) []uint16 {
		s, err := m.openNetwork(k, rt, engine)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		levels := make([]uint16, n*size)
		if err := s.Draw(t.Context(), sampler.Request{N: n, LevelsOnly: true, Conditions: k.conditions}, levels); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		ties = s.NearTies()
		return levels
	}
	want := images(m.ort, sampler.Full, equal)
	fmt.Printf("\n%s: %d images as those of the full loop, with %d near ties.\n", name, equal, ties)
	for _, rt := range []onnx.Runtime{m.ort, m.inGo} {
		for _, n := range []int{2, 2 * equal} { // few, many
			all := min(n, equal) * size
			if got := images(rt, sampler.Incremental, n); !slices.Equal(got[:all], want[:all]) {
				t.Errorf("%s: of %d images by %T the first are not those of the full loop", name, n, rt)
			}
		}
	}
}

// line is a row of a network's table: seconds an image by the clock, drawn alone and together
// with others, and of the processors, together with others.
type line struct {
	name                 string
	one, many, processor float64
	more                 string
}

// network measures one and prints its table.
func (m *machine) network(name string, limit *limit) error {
	before := len(m.closers)
	defer func() {
		for _, c := range m.closers[before:] {
			_ = c() // what was drawn is right
		}
		m.closers = m.closers[:before]
	}()
	k, err := m.read(name, many)
	if err != nil {
		return err
	}
	sig := k.model.Signature
	passes := sig.Pixels()
	if sig.SubPixel {
		passes = sig.Symbols()
	}
	c := &contest{turn: m.turn, most: enough}
	var lines []*line
	var fill []func()
	// enter enters who makes one image and n together; the times are those of a part of it.
	enter := func(name string, parts float64, n int, one, together func(context.Context) (spent, error)) *line {
		a, b := c.timed(name+", 1", one), c.timed(fmt.Sprintf("%s, %d", name, n), together)
		l := &line{name: name}
		lines = append(lines, l)
		fill = append(fill, func() {
			l.one, l.many, l.processor = a.seconds()*parts, b.seconds()*parts/float64(n), median(b.processor)*parts/float64(n)
		})
		return l
	}
	clocked := func(run func(context.Context) error) func(context.Context) (spent, error) {
		return func(ctx context.Context) (spent, error) { return spent{}, run(ctx) }
	}
	onePass, err := m.pass(sig, 1)
	if err != nil {
		return err
	}
	manyPass, err := m.pass(sig, passImages)
	if err != nil {
		return err
	}
	pass := enter("dense pass, ONNX Runtime", 1, passImages, clocked(onePass), clocked(manyPass))
	if one, together, err := m.networkPeer(name); err != nil {
		return err
	} else if one != nil {
		enter("PyTorch, cached by hand", 1, many, one, together)
	}
	for _, rt := range []struct {
		name string
		onnx.Runtime
	}{{"ONNX Runtime", m.ort}, {"Go", m.inGo}} {
		// Samplers of their own: what one keeps from draw to draw is for one size.
		alone, err := m.openNetwork(k, rt, sampler.Incremental)
		if err != nil {
			return err
		}
		s, err := m.openNetwork(k, rt, sampler.Incremental)
		if err != nil {
			return err
		}
		profile := &profile{file: filepath.Join(*files, "profile")}
		draw := k.draw(s, many)
		l := enter("compiled, "+rt.name, 1, many, clocked(k.draw(alone, 1)), func(ctx context.Context) (spent, error) {
			ties := s.NearTies()
			took, err := profile.of(func() error { return draw(ctx) })
			profile.ties = float64(s.NearTies()-ties) / many
			return took, err
		})
		fill = append(fill, func() {
			settling, draws := profile.share(settlingCode, ""), profile.share(drawingCode, settlingCode)
			l.more = fmt.Sprintf("%.1f | %.0f %% | %.0f %%", profile.ties, 100*settling, 100*draws)
		})
	}
	if err := c.run(m.ctx, m.rounds); err != nil {
		return err
	}
	for _, f := range fill {
		f()
	}
	full := line{"full loop, ONNX Runtime: passes × %d", pass.one * float64(passes), pass.many * float64(passes), pass.processor * float64(passes), ""}
	full.name = fmt.Sprintf(full.name, passes)
	least, macs, err := limit.of(sig)
	if err != nil {
		return err
	}
	lines = slices.Insert(lines, 1, &full)
	fmt.Printf("\n%s, %d×%d×%d, %.0f million multiply-adds an image, cache read %.2f GB: at least %.4g s an image.\n\n",
		name, sig.Height, sig.Width, sig.Channels, float64(macs)/1e6, float64(limit.read)/1e9, least)
	fmt.Printf("| | one image, s | %[1]d at once, images/s | processor, s an image | times the full loop, one | %[1]d | in dense passes, by the clock | by the processor | over the limit | near ties an image | of the processor: settling | draws |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n", many)
	for _, l := range lines {
		fmt.Printf("| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", l.name, figure(l.one), figure(1/l.many), figure(l.processor),
			figure(full.one/l.one), figure(full.many/l.many), figure(l.many/pass.many), figure(l.processor/pass.processor), figure(l.many/least), cmp.Or(l.more, "| |"))
	}
	return nil
}

// networkPeer is PyTorch's loop, where there is one: a process for each thread, which share
// the images.
func (m *machine) networkPeer(name string) (one, together func(context.Context) (spent, error), err error) {
	if m.python == "" || !strings.HasPrefix(name, "pixelcnnpp") && !strings.HasPrefix(name, "transformer") {
		return nil, nil, nil
	}
	var peers []*peer
	for range m.threads {
		p, err := startPeer(m.python, "peer_networks.py", 1, nil)
		if err != nil {
			return nil, nil, err
		}
		peers = append(peers, p)
		m.closers = append(m.closers, p.close)
	}
	one = func(context.Context) (spent, error) { return peers[0].draw(name, 1) }
	together = func(context.Context) (spent, error) {
		var sum spent
		all := make([]spent, len(peers))
		var g errgroup.Group
		for i, p := range peers {
			g.Go(func() (err error) {
				all[i], err = p.draw(name, many/len(peers))
				return err
			})
		}
		err := g.Wait()
		for _, s := range all {
			sum = spent{max(sum.wall, s.wall), sum.processor + s.processor}
		}
		return sum, err
	}
	return one, together, nil
}
