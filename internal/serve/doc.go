// Package serve answers OpenAI's Images API with images that models draw, so that the
// clients that speak it work unchanged: one process, net/http, no state.
//
//	s, err := serve.New(serve.Config{})
//	s.Ready(serve.Model{Name: "gated", Sampler: sampler})
//	err = s.Serve(ctx, listener)
//
// A request becomes a job (queue.go), whose images share batches with those of others, and are
// the same bytes whatever they share them with. generations.go and edits.go make jobs of what
// clients send, score.go too; answer.go makes of their results what clients expect, stream.go
// while they are drawn.
package serve
