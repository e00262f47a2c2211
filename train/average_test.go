package train

import (
	"context"
	"math"
	"slices"
	"testing"
)

// TestAverage follows 8, 4, 16 from 0 by hand. The decay is 2/11 and 3/12 at first, and
// then 0.3, as 4/13 is more.
func TestAverage(t *testing.T) {
	avg := []float32{0, 1}
	for step, c := range []struct {
		param float32
		decay float64
		want  float64
	}{
		{8, 2. / 11, 8 * 9. / 11},
		{4, 3. / 12, 8*9./11*3/12 + 4*9./12},
		{16, 0.3, (8*9./11*3/12+4*9./12)*0.3 + 16*0.7},
	} {
		decay := averageDecay(0.3, step+1)
		if decay != c.decay {
			t.Errorf("step %d: decay %v, want %v", step+1, decay, c.decay)
		}
		follow(avg, []float32{c.param, 1}, decay)
		if math.Abs(float64(avg[0])-c.want) > 1e-5 || avg[1] != 1 {
			t.Errorf("step %d: %v, want %v and 1", step+1, avg, c.want)
		}
	}
	if d := averageDecay(0.999, 1e6); d != 0.999 {
		t.Errorf("decay %v in the end, want 0.999", d)
	}
}

// TestAverageOfRun compares the trainer's average with one of the parameters of each
// step in float64, and checks that it changes nothing else.
func TestAverageOfRun(t *testing.T) {
	m, data := small(t), stripes(20, 5, 3)
	cfg := Config{Steps: 30, Batch: 8, LearningRate: 0.01}
	plain := start(t, m, data, cfg)
	want := make([]float64, plain.engine.packing.len)
	for i, x := range plain.engine.params {
		want[i] = float64(x)
	}
	var losses []float64
	err := plain.Run(context.Background(), func(s Step) error {
		losses = append(losses, s.Loss)
		d := min(0.8, float64(1+s.Step)/float64(10+s.Step))
		for i, x := range plain.engine.params {
			want[i] = d*want[i] + (1-d)*float64(x)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg.EMA = 0.8
	smooth := start(t, m, data, cfg)
	if got := curve(t, smooth); !slices.Equal(got, losses) || !slices.Equal(smooth.engine.params, plain.engine.params) {
		t.Error("the average changes the training")
	}
	for i, x := range smooth.engine.average {
		if math.Abs(float64(x)-want[i]) > 1e-6 {
			t.Fatalf("average %d is %v, want %v", i, x, want[i])
		}
	}

	// The average is what comes out and is evaluated.
	averaged := smooth.engine.packing.unpack(smooth.engine.average)
	if !equal(smooth.Weights(), averaged) {
		t.Error("the weights are not the average")
	}
	got, err := smooth.Evaluate(context.Background(), data)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(smooth.engine.params, plain.engine.params) {
		t.Error("the evaluation changes the parameters")
	}
	m.Weights = averaged
	alone, err := start(t, m, data, Config{}).Evaluate(context.Background(), data)
	if err != nil {
		t.Fatal(err)
	}
	if now, err := plain.Evaluate(context.Background(), data); err != nil || got != alone || got == now {
		t.Errorf("likelihood %v, want the average's, %v, and not %v; %v", got, alone, now, err)
	}
}
