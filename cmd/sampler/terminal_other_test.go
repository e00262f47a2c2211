//go:build !linux

package main

import "github.com/rogpeppe/go-internal/testscript"

// onTerminal needs Linux's pseudo-terminals; the scripts that use it say so.
func onTerminal(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Fatalf("there is no terminal to run on")
}
