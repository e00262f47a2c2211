// Package serve has no code but its tests: the server under load, compared with the library.
//
//	go test ./internal/dev/bench/serve -v -measure
//	go test ./internal/dev/bench/serve -v -timeout 0 -soak 20m
package serve
