package engine

import (
	"errors"
	"runtime"
	"slices"
	"sync"
)

// newSlots makes as many slots as there are processors, or as a draw may use threads,
// whichever is more.
func newSlots(threads int) Slots { return make(Slots, max(threads, runtime.GOMAXPROCS(0))) }

// idleBytes is the default of what idle workers may take together beside those of the size
// that was used last, of which there is one for each slot at most.
const idleBytes = 64 << 20

// pool keeps idle workers, since making one takes as long as drawing some images. A caller
// draws in batches of one or two sizes.
type pool struct {
	slots  int
	memory int64 // the most that idle workers and one that is to be made may take
	spare  int64 // and those of other sizes than that used last

	alternates bool // the callers' batches are of many sizes: workers are of those of Room

	mu     sync.Mutex
	idle   map[int][]*worker // by images
	recent []int             // numbers of images, the last used one last
	wasted map[int]int       // by images: what was idle of larger workers that did for it
}

func newPool(slots int, memory int64) pool {
	return pool{slots: slots, memory: memory, spare: idleBytes, idle: map[int][]*worker{}, wasted: map[int]int{}}
}

// Room is for how many images a worker is made that draws so many, where the sizes of batches
// alternate: of few sizes, so that there soon is one.
func Room(images int) int {
	for size := 1; size < 1<<30; size *= 2 {
		if images <= size {
			return size
		}
		if half := size + size/2; size >= 8 && images <= half {
			return half
		}
	}
	return images
}

// dear is how many images are drawn in the time that it takes to make a worker.
const dear = 100

// take hands out an idle worker for so many images, nil if there is none. Where sizes alternate,
// one for up to four times as many does, until in such there was as much room idle as making a
// worker is worth: so a size that comes once in a while is not made.
func (p *pool) take(images int) *worker {
	p.mu.Lock()
	defer p.mu.Unlock()
	size := images
	if p.alternates && len(p.idle[size]) == 0 {
		for size++; size <= 4*images && len(p.idle[size]) == 0; size++ {
		}
		if p.wasted[images] += size - images; size > 4*images || p.wasted[images] > dear {
			p.wasted[images] = 0
			return nil
		}
	}
	list := p.idle[size]
	if len(list) == 0 {
		return nil
	}
	p.idle[size] = list[:len(list)-1]
	return list[len(list)-1]
}

// spareFor hands out an idle worker of a variant for images to most images; nil if there is none.
func (p *pool) spareFor(images, most int, v *variant) *worker {
	p.mu.Lock()
	defer p.mu.Unlock()
	for ; images <= most; images++ {
		if list := p.idle[images]; len(list) > 0 && list[0].variant == v {
			p.idle[images] = list[:len(list)-1]
			return list[len(list)-1]
		}
	}
	return nil
}

// release takes a worker back, and closes what is too much: first of all one that was needed in
// passing.
func (p *pool) release(w *worker, passing bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := slices.Index(p.recent, w.images)
	switch {
	case passing && at < 0:
		p.recent = slices.Insert(p.recent, 0, w.images)
	case !passing:
		if at >= 0 {
			p.recent = slices.Delete(p.recent, at, at+1)
		}
		p.recent = append(p.recent, w.images)
	}
	if len(p.idle[w.images]) >= p.slots {
		_ = w.close() // frees memory only
	} else {
		p.idle[w.images] = append(p.idle[w.images], w)
	}
	p.evict(p.spare, 1)
	p.evict(p.memory, 0)
}

// makeRoom closes idle workers until there is room for one more of so many bytes.
func (p *pool) makeRoom(need int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.evict(p.memory-need, 0)
}

// evict closes idle workers, of the sizes that were not used for longest, until they take
// no more than most bytes. Those of the sizes used last, so many, are spared and not
// counted. The caller holds the lock.
func (p *pool) evict(most int64, spared int) {
	sizes := p.recent[:max(0, len(p.recent)-spared)]
	have := int64(0)
	for _, size := range sizes {
		have += held(p.idle[size])
	}
	n := 0
	for ; n < len(sizes) && have > most; n++ {
		have -= held(p.idle[sizes[n]])
		for _, w := range p.idle[sizes[n]] {
			_ = w.close() // frees memory only
		}
		delete(p.idle, sizes[n])
	}
	p.recent = slices.Delete(p.recent, 0, n)
}

// held is how many bytes all idle workers take.
func (p *pool) held() (bytes int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, list := range p.idle {
		bytes += held(list)
	}
	return bytes
}

// held is how many bytes workers take.
func held(list []*worker) (bytes int64) {
	for _, w := range list {
		bytes += w.need(w.images)
	}
	return bytes
}

func (p *pool) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, list := range p.idle {
		for _, w := range list {
			errs = append(errs, w.close())
		}
	}
	clear(p.idle)
	p.recent = nil
	return errors.Join(errs...)
}
