//go:build cgo

package soak

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	ort "github.com/yalue/onnxruntime_go"
	"go.uber.org/goleak"

	"pixelcnn/runtime"
	"pixelcnn/sampler"
)

// user is one that knows nothing of the others in its process.
type user struct {
	env     *runtime.Env
	sampler *sampler.Sampler
	task    *task
}

func newUser(t *testing.T, k *task) *user {
	t.Helper()
	env, err := runtime.Open(runtime.Config{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := sampler.Open(env, k.model, sampler.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return &user{env, s, k}
}

func (u *user) draw() error {
	levels := make([]uint16, images*len(u.task.want[0].Levels))
	if err := u.sampler.Draw(context.Background(), u.task.request(0, images), levels); err != nil {
		return err
	}
	return u.task.compare(levels, 0, images)
}

func (u *user) close(t *testing.T) {
	t.Helper()
	closed(t, u.sampler)
	closed(t, u.env)
}

// TestUsers: two users open ONNX Runtime in one process and close it in either order, while
// the other draws; then it is gone, and can be opened again. Where the host program has it
// open, it stays.
func TestUsers(t *testing.T) {
	before := goleak.IgnoreCurrent()
	env, err := runtime.Open(runtime.Config{})
	if err != nil {
		t.Fatalf("the tests need ONNX Runtime (go run ./cmd/sampler install-runtime): %v", err)
	}
	tasks := quiet(t, env)
	lib := env.Lib()
	closed(t, env)
	for _, host := range []bool{false, true} {
		for _, order := range [][]int{{0, 1}, {1, 0}} {
			t.Run(fmt.Sprintf("host=%v order=%v", host, order), func(t *testing.T) {
				if host {
					ort.SetSharedLibraryPath(lib)
					if err := ort.InitializeEnvironment(); err != nil {
						t.Fatal(err)
					}
					defer func() {
						if err := ort.DestroyEnvironment(); err != nil {
							t.Errorf("the host's environment was taken from it: %v", err)
						}
					}()
				}
				users := []*user{newUser(t, tasks[0]), newUser(t, tasks[len(tasks)-1])}
				var drawing sync.WaitGroup
				stays := users[order[1]]
				drawing.Go(func() {
					for range 20 {
						if err := stays.draw(); err != nil {
							t.Errorf("while the other one closes: %v", err)
						}
					}
				})
				if err := users[order[0]].draw(); err != nil {
					t.Error(err)
				}
				users[order[0]].close(t)
				drawing.Wait()
				if err := stays.draw(); err != nil {
					t.Errorf("after the other one has closed: %v", err)
				}
				again := newUser(t, users[order[0]].task)
				if err := again.draw(); err != nil {
					t.Errorf("a third user: %v", err)
				}
				for _, u := range slices.Backward([]*user{again, stays}) {
					u.close(t)
				}
				if ort.IsInitialized() != host {
					t.Errorf("the environment is up: %v, the host's: %v", !host, host)
				}
			})
		}
	}
	goleak.VerifyNone(t, before)
}
