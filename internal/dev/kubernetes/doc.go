// Package kubernetes checks the manifest of examples/kubernetes against the types of
// Kubernetes' own client library. It is a module of its own, so that the library is nobody
// else's, and all tests.
package kubernetes
