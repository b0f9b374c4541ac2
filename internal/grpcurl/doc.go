// Package grpcurl tests a guarded service with grpcurl, a command-line client for gRPC. It
// has only tests. It is a separate module, because grpcurl has many dependencies; go.mod
// pins its version, and the test builds it.
package grpcurl
