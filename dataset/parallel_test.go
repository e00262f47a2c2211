package dataset

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"
)

func TestParallel(t *testing.T) {
	var done [1000]atomic.Int32
	err := parallel(t.Context(), len(done), func(i int) error {
		done[i].Add(1)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range done {
		if n := done[i].Load(); n != 1 {
			t.Fatalf("%d done %d times", i, n)
		}
	}
}

func TestParallelFirstError(t *testing.T) {
	for range 20 {
		err := parallel(t.Context(), 100, func(i int) error {
			if i == 10 {
				time.Sleep(time.Millisecond) // 11 fails before it
			}
			if i >= 10 {
				return fmt.Errorf("failed at %d", i)
			}
			return nil
		})
		if err == nil || err.Error() != "failed at 10" {
			t.Fatalf("got error %v, want that of 10", err)
		}
	}
}

func TestParallelCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var n atomic.Int32
	err := parallel(ctx, 1000, func(i int) error {
		if n.Add(1) == 3 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || n.Load() > 100 {
		t.Errorf("got error %v after %d calls", err, n.Load())
	}
}
