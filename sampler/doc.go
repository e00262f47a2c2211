// Package sampler draws images from an autoregressive convolutional network in an
// ONNX file, pixel by pixel.
//
//	env, err := runtime.OpenAny(runtime.Auto, runtime.Config{})
//	defer env.Close()
//	s, err := sampler.Open(env, model, sampler.Config{})
//	defer s.Close()
//	req := sampler.Request{N: 16, Parameters: sampler.Parameters{Temperature: 0.7, Seed: 42}}
//	for img, err := range s.Images(ctx, req) {
//		…
//	}
//
// A [Config] says how the model is opened: engine, size, threads, the input's scale. A
// [Request] says what is drawn: which images of which seed, [Parameters], classes, what is
// given. One [Sampler] takes any number of requests, also several at once.
//
// # Draws
//
// A symbol is one channel of one pixel. Its level is drawn from p(level) ∝ p(level | symbols
// before it)^(1/T), by inverse CDF in float64 with a uniform variate of its own. The order is
// raster order, the channels of a pixel one after the other; symbol k of image i of a seed
// takes the k-th Float64 of rand.New(rand.NewPCG(seed, i)). So image i is the same whatever
// the batch, the number of threads, the engine and the requests it shares a batch with.
// Candidate j of image i, of n, has the uniforms of image i·n + j.
//
// The parameters are the temperature, the same for all or from row to row; Greedy; TopK,
// TopP and MinP, which leave levels out, in this order and after the temperature unless
// Filters names another order. Each is a pure function of the probabilities, the parameter
// and the uniform.
//
// # Classes
//
// A class-conditional model has a second input, the class. [Request].Classes says which
// classes to draw, by number; [Signature.Class] finds one by name. Where nothing is said,
// each image's class is drawn from the prior that the file holds, or equally often, with a
// uniform of its own: the first Float64 of rand.New(rand.NewPCG(seed, i + 1<<62)). With
// inpainting the class is drawn given the given pixels before the first free one.
// Log-probabilities are given the class, but for [Sampler.LogProb], which sums it out.
//
// # Beyond images
//
// [Sampler.Samples] yields each image with its exact log-probability, under the model as it
// is and under the parameters; Request.BestOf keeps the likeliest of several,
// Request.Inpainting draws the rest of a picture, with particles where given pixels come
// after free ones. [Sampler.Together] draws unlike requests in shared batches.
// [Sampler.Steps] shows a draw as it goes on, [Sampler.LogProb] scores images that are
// there already, and [Sampler.Draw] fills a slice and does nothing else.
//
// All of them may run at once on one [Sampler], and stop within one step of the engine
// when their context ends. What is computed at once and what is kept afterwards is bounded,
// however many callers there are: see [Config].Threads.
//
// # Models
//
// The trainer's files say what they are in their metadata. A file from elsewhere works too:
// docs/models.md lists the forms of inputs and outputs that are read. Where the file leaves
// something open, it is decided by trial, or the error names the field of [Config] that says
// it, by its flag. [Read] tells the [Signature] of a file, [Signature].Findings how each part
// was found out, and [AnnotateFile] writes it into a copy of the file. [Model.OneFile] writes
// a one-file sampler: the model and the loop over its pixels as one ONNX graph.
//
// # Errors
//
// [ErrConfig] is wrapped by errors about a setting, [ErrModel] by those about a
// file, [ErrLogits] by those about outputs from which nothing can be drawn. Beside
// ErrModel there is [ErrNotCausal], as [*CausalityError] where the node is known, or
// [*UnsupportedError]; what the runtime said of the file, such as its ErrLimit, is
// wrapped as well, and so is its error where a run fails. A draw that would keep more than
// the runtime's limits wraps its ErrLimit. A draw that its context has stopped wraps the
// context's error, and any use of a closed [Sampler] is [ErrClosed].
//
// # Where to find what
//
// Package internal/signature reads what a file takes and gives; its package encoding turns
// levels into input values and bytes. Package internal/likelihood turns outputs into
// probabilities. Package sampler/internal/draw turns probabilities into a level; a sampling
// parameter is added there. Package sampler/internal/engine runs networks. This package has
// the requests (request.go) and what is made of rows of images: samples.go, particles.go,
// classes.go, score.go and steps.go.
package sampler
