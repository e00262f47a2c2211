// Package clients has no code but its tests: OpenAI's clients in Go, Python and JavaScript, as
// they are, against the server, and what they get compared with what the command draws. It is
// a module of its own, so that the clients are no dependency of the project.
//
//	make test-clients
package clients
