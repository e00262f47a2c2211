// Package engine runs networks to draw images. There are three engines, which draw the
// same images: [Full] runs the whole network once per pixel, [Incremental] a compiled
// program that computes each activation once, [OneFile] a file that holds the loop itself.
//
//	e, err := engine.Open(rt, sig, engine.Options{Threads: 2})
//	err = e.Draw(ctx, rows, engine.Run{})
//
// An engine takes [draw.Row]s, an image each, and has every symbol decided by a
// [draw.Batch]. Rows may differ in all that decides an image: seed, parameters, class,
// mask. How they are divided into batches and threads changes nothing that is drawn.
//
// What is computed at once is bounded by [Slots], so that many callers take no more memory
// than the processors can use, and what stays idle by the pool (pool.go).
//
// To add an engine, implement [Drawer] in a file of its own and choose it in engine.go.
package engine
