// Package scalekitv1 contains the part of the vendor's gRPC services that machine clients
// need. The .proto files were written for this repository. They use the vendor's names and
// field numbers. protoc-gen-go and protoc-gen-go-grpc generate the Go files. A program
// must not import this package together with the vendor's Go SDK, because the two packages
// register the same names.
package scalekitv1

//go:generate go run github.com/bufbuild/buf/cmd/buf@v1.75.0 generate .. --template buf.gen.yaml
