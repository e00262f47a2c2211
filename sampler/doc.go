// Package sampler draws images from an autoregressive convolutional network in an
// ONNX file, pixel by pixel.
//
//	env, err := runtime.OpenAny(runtime.Auto, runtime.Config{})
//	defer env.Close()
//	s, err := sampler.Open(env, model, sampler.Config{Temperature: 0.7, Seed: 42})
//	defer s.Close()
//	for img, err := range s.Images(ctx, 16) {
//		…
//	}
//
// # Draws
//
// Each pixel's level is drawn from p(level) ∝ exp(logit/T), given the pixels before
// it in raster order, by inverse CDF in float64 with a coin of its own: pixel k of
// image i of a seed takes the k-th Float64 of rand.New(rand.NewPCG(seed, i)). So
// image i is the same whatever the batch, the number of threads and the engine.
// Candidate j of image i, of n, has the coins of image i·n + j.
//
// A draw is steered by [Config]: temperature, the same for all or from row to row;
// Greedy; TopK, TopP and MinP, which leave levels out, in this order and after the
// temperature. Each is a pure function of the logits, the setting and the coin.
//
// # Classes
//
// A class-conditional model has a second input, the label. [Config].Classes says which
// classes to draw, by number; [Spec.Class] finds one by name. Where nothing is said, each
// image's class is drawn from the prior that the file holds, or equally often, with a
// coin of its own: the first Float64 of rand.New(rand.NewPCG(seed, i + 1<<62)). Of a
// completion the class is drawn given the kept pixels before the first free one.
// Log-probabilities are given the class, but for [Sampler.LogProb], which sums it out.
//
// # Beyond images
//
// [Sampler.Samples] takes a [Request] and yields each image with its exact
// log-probability, under the model as it is and under the options; Request.BestOf
// keeps the likeliest of several. [Sampler.Complete] keeps a part of a picture and
// draws the rest, with particles where kept pixels come after free ones.
// [Sampler.Steps] shows a draw as it goes on, [Sampler.LogProb] scores images that are
// there already, and [Sampler.Draw] fills a slice and does nothing else.
//
// All of them may run at once on one [Sampler], and stop within one step of the engine
// when their context ends.
//
// # Models
//
// The trainer's files say what they are in their metadata. A file from elsewhere
// works too: a float32 input [N, 1, H, W], perhaps a label, int64, int32 or float32, [N]
// or one-hot [N, classes], and one float32 output with the levels' logits, [N, L, H, W],
// [N, H, W, L] or [N, L, 1, H, W]. Config.PixelScale and PixelOffset say how a level
// becomes an input value, Config.Height and Width in which size to draw.
//
// # Errors
//
// [ErrConfig] is wrapped by errors about a setting, [ErrModel] by those about a
// file, [ErrLogits] by those about logits from which nothing can be drawn. Beside
// ErrModel there is [ErrNotCausal], as [*CausalityError] where the node is known, or
// [*UnsupportedError]; what the runtime said of the file, such as its ErrLimit, is
// wrapped as well, and so is its error where a run fails. A draw that would keep more than
// the runtime's limits wraps its ErrLimit. A draw that its context has stopped wraps the
// context's error, and any use of a closed [Sampler] is [ErrClosed].
package sampler
