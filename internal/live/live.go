// Package live counts what ONNX Runtime holds for package runtime. Go's garbage collector
// does not see it, so tests ask here whether all of it was freed.
package live

import (
	"fmt"
	"sync/atomic"
)

// Sessions, Bindings and Values are how many of them are there, in the whole process.
// Values are the tensors of bindings.
var Sessions, Bindings, Values atomic.Int64

// Objects is what there was at a moment.
type Objects struct{ Sessions, Bindings, Values int64 }

// Now counts.
func Now() Objects { return Objects{Sessions.Load(), Bindings.Load(), Values.Load()} }

func (o Objects) String() string {
	return fmt.Sprintf("%d sessions, %d bindings, %d values", o.Sessions, o.Bindings, o.Values)
}
