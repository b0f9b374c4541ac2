// Package deploygw is the deployments API of the examples over HTTP.
// protoc-gen-grpc-gateway generates it from deploy.proto and deploy.yaml.
package deploygw

//go:generate protoc --proto_path=../../deployv1 --grpc-gateway_out=. --grpc-gateway_opt=paths=source_relative,standalone=true,grpc_api_configuration=deploy.yaml,Mdeploy.proto=github.com/bearerkit/bearer/examples/deployv1;deploygw deploy.proto
