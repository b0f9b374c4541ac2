// Package scalekitv1 is the vendor's gRPC services, as far as machine clients
// need them: our own descriptions, with the vendor's names and field numbers,
// and what protoc-gen-go and protoc-gen-go-grpc make of them. It cannot be
// linked into one program with the vendor's Go SDK, which registers the same
// names.
package scalekitv1

//go:generate go run github.com/bufbuild/buf/cmd/buf@v1.75.0 generate .. --template buf.gen.yaml
