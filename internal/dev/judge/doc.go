// Package judge tells whether the pictures that class-conditional models draw are
// recognised: by convolutional classifiers that it trains on the real training images and
// that know nothing of the models:
//
//	go test -count=1 -timeout 0 -v ./internal/dev/judge -run '^TestJudge$' -temp 0.8,1 -models @gated
//
// The log-probabilities of the networks, -judges of them with a seed each, are averaged. It
// prints Markdown: what share of the real test images and of each model's samples are found
// in their class, and what the others are taken for. With -bayes, a model judges as well, by
// p(class | image) ∝ p(image | class).
package judge
