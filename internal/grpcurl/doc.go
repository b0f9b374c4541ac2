// Package grpcurl tests a guarded service with grpcurl, a command-line client for gRPC. The
// package has only tests. It is a separate module, because grpcurl has many dependencies.
// The test builds grpcurl in the version that go.mod names.
package grpcurl
