package serve

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pixelcnn/sampler"
)

// stopped is a queue that hands out nothing by itself.
func stopped(batch, threads int) *queue {
	q := &queue{threads: threads, batch: batch, most: 100, pixels: 1 << 30}
	q.wake = sync.NewCond(&q.mu)
	return q
}

// TestTurns: what each batch has, by hand. A job is client/name×images.
func TestTurns(t *testing.T) {
	m, other := &Model{Name: "m"}, &Model{Name: "other"}
	type j struct {
		client, name string
		model        *Model
		n, best      int
		apart        bool
	}
	for _, c := range []struct {
		what           string
		batch, threads int
		jobs           []j
		want           []string
	}{
		{
			"one with many leaves room for one with one", 4, 1,
			[]j{{"a", "many", m, 7, 1, false}, {"b", "one", m, 1, 1, false}},
			[]string{"many×3 one×1", "many×4"},
		},
		{
			"the jobs of a client take turns among themselves", 4, 1,
			[]j{{"a", "p", m, 3, 1, false}, {"a", "q", m, 3, 1, false}, {"b", "r", m, 2, 1, false}},
			[]string{"p×1 r×2 q×1", "p×2 q×2"},
		},
		{
			"models do not mix", 4, 1,
			[]j{{"a", "p", m, 2, 1, false}, {"b", "q", other, 1, 1, false}, {"c", "r", m, 1, 1, false}},
			[]string{"p×2 r×1", "q×1"},
		},
		{
			"candidates count", 4, 1,
			[]j{{"a", "p", m, 2, 3, false}, {"b", "q", m, 2, 1, false}},
			[]string{"p×1 q×1", "p×1", "q×1"},
		},
		{
			"what shares no batches is alone", 4, 1,
			[]j{{"a", "p", m, 3, 1, true}, {"b", "q", m, 2, 1, false}},
			[]string{"p×2", "q×2", "p×1"},
		},
		{
			"threads share", 8, 2,
			[]j{{"a", "p", m, 8, 1, false}},
			[]string{"p×4", "p×4"},
		},
	} {
		q := stopped(c.batch, c.threads)
		names := map[*job]string{}
		for _, j := range c.jobs {
			job := &job{ctx: context.Background(), client: j.client, model: j.model, n: j.n, req: sampler.Request{BestOf: j.best}, most: 2}
			if j.apart {
				job.apart = func(context.Context, int, int) ([]sampler.Sample, error) { return nil, nil }
			}
			names[job] = j.name
			if err := q.add(job); err != nil {
				t.Fatal(err)
			}
		}
		var got []string
		for q.waiting > 0 {
			line := ""
			for _, task := range q.take() {
				line += fmt.Sprintf(" %s×%d", names[task.job], task.n)
			}
			got = append(got, line[1:])
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
		if len(q.clients) != 0 {
			t.Errorf("%s: %d clients are left", c.what, len(q.clients))
		}
	}
}

// TestGather: clients that ask again and again share batches evenly, all of them in each round, and
// who asks alone does not wait. It runs in a time of its own, in which a batch takes 6 ms and half a
// millisecond for each image, and clients ask 0.1 ms after each other.
func TestGather(t *testing.T) {
	for _, c := range []struct{ clients, batch int }{{1, 1}, {2, 1}, {8, 4}, {64, 32}, {128, 64}} {
		synctest.Test(t, func(t *testing.T) {
			q := stopped(64, 2)
			q.most, q.window = 1000, time.Millisecond
			takes := func(images int) time.Duration {
				return 6*time.Millisecond + time.Duration(images)*500*time.Microsecond
			}
			sizes := make(chan int, 10000)
			q.draw = func(batch []*task) {
				n := 0
				for _, task := range batch {
					n += task.n
				}
				time.Sleep(takes(n))
				sizes <- n
				for _, task := range batch {
					task.done <- piece{task.from, nil, nil}
				}
			}
			for range q.threads {
				q.group.Go(q.work)
			}
			line, model := make(chan bool, 1), &Model{}
			most := takes(c.batch) + time.Duration(c.clients-1)*100*time.Microsecond
			var group sync.WaitGroup
			for range c.clients {
				group.Go(func() {
					for i := range 20 {
						line <- true
						time.Sleep(100 * time.Microsecond)
						<-line
						j := &job{ctx: t.Context(), client: "any", model: model, n: 1}
						began := time.Now()
						if err := q.add(j); err != nil {
							t.Error(err)
							return
						}
						<-j.done
						q.leave(j)
						if took := time.Since(began); i > 3 && took > most {
							t.Errorf("%d clients: one waited %v, more than %v", c.clients, took, most)
						}
					}
				})
			}
			group.Wait()
			q.close()
			close(sizes)
			var all []int
			for n := range sizes {
				all = append(all, n)
			}
			// The first ones come alone, and in the last round some are done.
			for _, n := range all[min(4, len(all)):max(4, len(all)-2)] {
				if n != c.batch {
					t.Errorf("%d clients: batches of %d, want %d", c.clients, all, c.batch)
					break
				}
			}
		})
	}
}

// TestLeave: a job that leaves takes what it had with it, and the others keep their turns.
func TestLeave(t *testing.T) {
	q := stopped(2, 1)
	m := &Model{}
	var jobs []*job
	for _, name := range []string{"a", "b", "c"} {
		j := &job{ctx: context.Background(), client: name, model: m, n: 4, pixels: 10}
		if err := q.add(j); err != nil {
			t.Fatal(err)
		}
		jobs = append(jobs, j)
	}
	q.take() // of a and b: it is c's turn
	q.leave(jobs[0])
	if q.jobs != 2 || q.taken != 20 || q.waiting != 7 || len(q.clients) != 2 {
		t.Errorf("%d jobs, %d pixels, %d images, %d clients", q.jobs, q.taken, q.waiting, len(q.clients))
	}
	if batch := q.take(); batch[0].job != jobs[2] {
		t.Error("it was another's turn")
	}
	q.most = 2
	if err := q.add(&job{ctx: context.Background(), n: 1}); !errors.As(err, new(*apiError)) {
		t.Errorf("error %v, want that it is busy", err)
	}
	q.most, q.pixels = 3, 20
	if err := q.add(&job{ctx: context.Background(), n: 1, pixels: 1}); !errors.As(err, new(*apiError)) {
		t.Errorf("error %v, want that it is busy", err)
	}
}
