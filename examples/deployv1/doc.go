// Package deployv1 is the deployments API of the examples. protoc-gen-go and
// protoc-gen-go-grpc generate the other files from deploy.proto.
package deployv1

//go:generate protoc --proto_path=. --go_out=. --go_opt=paths=source_relative --go-grpc_out=. --go-grpc_opt=paths=source_relative deploy.proto
