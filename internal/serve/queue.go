package serve

import (
	"context"
	"sync"
	"time"

	"pixelcnn/sampler"
)

// job is a request that waits or is under way. Its images are handed out one by one, so
// that one with many shares with one with few.
type job struct {
	ctx    context.Context // ends when nobody wants it any more
	client string          // whose it is
	model  *Model
	req    sampler.Request // the whole of it
	n      int             // what there is to do: images to draw, or to score
	pixels int             // what it takes of the limits

	// apart is set where it shares no batches: then it does so many things of n, from from on.
	apart func(ctx context.Context, from, n int) ([]sampler.Sample, error)
	most  int // things at once, where apart

	next int        // the first that is not handed out
	done chan piece // has room for all
}

// piece is a part of a job's results, from from on.
type piece struct {
	from    int
	samples []sampler.Sample
	err     error
}

// task is a part of a job that is handed out.
type task struct {
	*job
	from, n int
}

// request is what a task asks of the sampler.
func (t *task) request() sampler.Request {
	req := t.req
	req.First, req.N, req.Done = t.req.First+uint64(t.from), t.n, t.ctx.Done()
	return req
}

// candidates is what is drawn for one image of a job.
func (j *job) candidates() int { return max(1, j.req.BestOf) * max(1, j.req.Inpainting.Particles) }

// client is one whose jobs take turns with those of others, and among themselves.
type client struct {
	name string
	jobs []*job
	at   int // whose turn it is
}

// queue shares the processors among jobs. Clients take turns image by image, and the jobs of
// a client likewise; what is handed out together is one batch.
type queue struct {
	threads, batch, most int // at once, of a batch, of jobs
	pixels               int // the most that all jobs may have
	window               time.Duration
	metrics              *metrics
	draw                 func([]*task) // run, but in tests

	mu      sync.Mutex
	wake    *sync.Cond
	clients []*client
	at      int           // whose turn it is
	jobs    int           // that wait or are under way
	taken   int           // their pixels
	waiting int           // images that are not handed out
	moved   time.Time     // when a job last came or was done, or a batch ended
	busy    int           // batches that are being drawn
	drawing int           // their images
	crowd   int           // images that waited or were being drawn at once, of late
	last    int           // images of the batch that ended last
	ended   time.Time     // when that was
	took    time.Duration // and how long it took
	closed  bool
	group   sync.WaitGroup
}

// newQueue starts the threads.
func newQueue(c Config, m *metrics) *queue {
	q := &queue{threads: c.Threads, batch: c.Batch, most: c.Queue, pixels: 16 * c.MaxPixels, window: c.Window, metrics: m}
	q.wake, q.draw = sync.NewCond(&q.mu), q.run
	for range q.threads {
		q.group.Go(q.work)
	}
	return q
}

// add takes a job in, or refuses it.
func (q *queue) add(j *job) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return draining()
	case q.jobs >= q.most || j.pixels > q.pixels-q.taken:
		return busy()
	}
	j.done = make(chan piece, j.n)
	q.jobs++
	q.moved = time.Now()
	q.taken += j.pixels
	q.waiting += j.n
	q.crowd = max(q.crowd, q.waiting+q.drawing)
	var of *client
	for _, c := range q.clients {
		if c.name == j.client {
			of = c
		}
	}
	if of == nil {
		of = &client{name: j.client}
		q.clients = append(q.clients, of)
	}
	of.jobs = append(of.jobs, j)
	q.wake.Broadcast()
	return nil
}

// leave ends a job, finished or not.
func (q *queue) leave(j *job) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.jobs--
	q.moved = time.Now()
	q.taken -= j.pixels
	if left := j.n - j.next; left > 0 {
		q.waiting -= left
		j.next = j.n
		q.prune()
	}
}

// prune forgets the jobs that are handed out, and the clients that have no others.
func (q *queue) prune() {
	clients := q.clients[:0]
	at := q.at
	for i, c := range q.clients {
		jobs := c.jobs[:0]
		turn := c.at
		for k, j := range c.jobs {
			if j.next < j.n {
				jobs = append(jobs, j)
			} else if k < c.at {
				turn--
			}
		}
		clear(c.jobs[len(jobs):])
		if c.jobs, c.at = jobs, turn; len(jobs) > 0 {
			clients = append(clients, c)
		} else if i < q.at {
			at--
		}
	}
	clear(q.clients[len(clients):])
	q.clients, q.at = clients, at
}

// pick is the job whose turn it is, of those that can join a batch; nil if there is none.
func (c *client) pick(first *job) *job {
	for range c.jobs {
		j := c.jobs[c.at%len(c.jobs)]
		c.at = (c.at + 1) % len(c.jobs)
		if j.next < j.n && (first == nil || j.model == first.model && j.apart == nil) {
			return j
		}
	}
	return nil
}

// share is how many images each thread would have of what waits and what is being drawn, as
// many as there were of late.
func (q *queue) share() int {
	return min(q.batch, (q.crowd+q.threads-1)/q.threads)
}

// gather waits for more to come while there is less than a thread's share of it, and clients come
// or are answered, who may ask again at once: the last one within the window, or within an eighth of
// the time that the last batch took, which is what larger batches save at least. Where nothing else
// is being drawn, or was just now, there is nothing to wait for. The caller holds the lock.
func (q *queue) gather() {
	pause := max(q.window, q.took/8)
	alone := q.busy == 0 && (q.last == 1 || time.Since(q.ended) > pause)
	for q.waiting > 0 && q.waiting < q.share() {
		left := pause - time.Since(q.moved)
		if alone || q.window == 0 || q.closed || left <= 0 {
			q.crowd = q.waiting + q.drawing // there are fewer than there were
			return
		}
		timer := time.AfterFunc(left, q.wake.Broadcast)
		q.wake.Wait()
		timer.Stop()
	}
}

// take hands out a batch. The caller holds the lock.
func (q *queue) take() []*task {
	size := min(q.waiting, q.share())
	for sampler.Room(size)*4 > size*5 { // a fifth of it would be idle, and more
		size--
	}
	var batch []*task
	of := map[*job]*task{}
	var first *job
	for idle := 0; size > 0 && idle < len(q.clients); {
		c := q.clients[q.at%len(q.clients)]
		q.at = (q.at + 1) % len(q.clients)
		j := c.pick(first)
		if j == nil {
			idle++
			continue
		}
		idle = 0
		n := 1
		if j.apart != nil {
			n = min(j.most, j.n-j.next)
		}
		if of[j] == nil {
			of[j] = &task{j, j.next, 0}
			batch = append(batch, of[j])
		}
		of[j].n += n
		j.next += n
		q.waiting -= n
		size -= n * j.candidates()
		if j.apart != nil {
			break
		}
		first = j
	}
	q.prune()
	return batch
}

// work draws batches until the queue is closed.
func (q *queue) work() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		for q.waiting == 0 && !q.closed {
			q.wake.Wait()
		}
		if q.waiting == 0 {
			return
		}
		if q.gather(); q.waiting == 0 {
			continue
		}
		batch := q.take()
		images := 0
		for _, t := range batch {
			images += t.n
		}
		q.busy++
		q.drawing += images
		began := time.Now()
		q.mu.Unlock()
		q.draw(batch)
		q.mu.Lock()
		q.busy--
		q.drawing -= images
		q.last, q.ended, q.took = images, time.Now(), time.Since(began)
		q.moved = q.ended
	}
}

// close has the threads end once nothing waits, and waits for them.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.wake.Broadcast()
	q.mu.Unlock()
	q.group.Wait()
}

// run draws a batch, and delivers what came of it.
func (q *queue) run(batch []*task) {
	if t := batch[0]; t.apart != nil {
		samples, err := t.apart(t.ctx, t.from, t.n)
		t.done <- piece{t.from, samples, err}
		return
	}
	images := 0
	requests := make([]sampler.Request, len(batch))
	for i, t := range batch {
		requests[i] = t.request()
		images += t.n * t.candidates()
	}
	requests[0].Progress = q.metrics.steps()
	q.metrics.batch.Observe(float64(images))
	// The jobs end the draw, not the context.
	results, err := batch[0].model.Together(context.Background(), requests)
	for i, t := range batch {
		switch {
		case err == nil:
			t.done <- piece{t.from, results[i], t.ctx.Err()}
		case len(batch) == 1:
			t.done <- piece{t.from, nil, err}
		default: // one of them is at fault: each by itself
			q.run([]*task{t})
		}
	}
}
