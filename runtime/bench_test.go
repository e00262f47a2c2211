//go:build cgo

package runtime

import (
	"context"
	"fmt"
	"testing"
)

// What a run costs beside the graph's own work, by the way of running: bound, and
// cancellable.
func BenchmarkRun(b *testing.B) {
	env := openEnv(b)
	for _, n := range []int{1, 4, 20} {
		s := load(b, env, manyModel(n))
		bound := bind(b, s, blocks(n), blocks(n)).(*binding)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		for _, long := range []bool{false, true} {
			b.Run(fmt.Sprintf("tensors=%d/cancellable=%v", 2*n, long), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					bound.long = long
					if err := bound.Run(ctx); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
