// Package soak has no code but its tests: the library under load, for as long as is asked.
//
//	go test -race -timeout 30m ./internal/dev/soak -soak 20m
package soak
