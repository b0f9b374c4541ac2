// Package grpcurl runs grpcurl, the tool that people call gRPC services with by
// hand, against a guarded service. It has tests only, and is a module of its own
// because grpcurl, which its go.mod pins and go test builds, brings many others.
package grpcurl
