package dataset

import (
	"context"
	"runtime"
	"sync"
)

// parallel calls do for 0 … n−1, on as many goroutines as there are processors, and
// waits. Numbers are handed out in order and none after a failure, so the error that
// it returns, the one of the least number, is always the same.
func parallel(ctx context.Context, n int, do func(i int) error) error {
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		next   int
		failed = n
		first  error
	)
	fail := func(i int, err error) {
		mu.Lock()
		defer mu.Unlock()
		if i < failed {
			failed, first = i, err
		}
	}
	take := func() (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		next++
		return next - 1, next <= n && failed == n
	}
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i, ok := take(); ok; i, ok = take() {
				err := ctx.Err()
				if err == nil {
					err = do(i)
				}
				if err != nil {
					fail(i, err)
				}
			}
		})
	}
	wg.Wait()
	return first
}
