// Quickstart is not for copying, because it imports internal packages: copy nethttp or grpc instead.
// The program demonstrates package bearer on one machine. It registers a machine client. The client
// gets an access token by the client credentials grant, and a second one that is bound to a key of the
// client (DPoP). Then the client calls an API over HTTP, over unary gRPC and over gRPC streams. The API
// verifies the tokens and the proofs, and checks the scopes.
//
//	go run ./examples/quickstart
//	go run ./examples/quickstart -serve
//
// The program makes eleven kinds of call over each of the three transports. It prints the
// result of each call, and also the expected result if the two differ. In this case, the exit
// status is 1. With -serve, the program keeps running after these calls, so that you can call
// the API. The output fits the terminal, or 100 columns in a pipe.
//
// The program contains an issuer. To use a real environment instead, set these environment
// variables:
//
//	SCALEKIT_ENVIRONMENT_URL  URL of the environment, such as https://acme.scalekit.dev
//	M2M_CLIENT_ID             ID of a client with the scopes deploy:applications and
//	                          read:deployments
//	M2M_CLIENT_SECRET         secret of this client
//	M2M_AUDIENCE              audience of this client; the default is
//	                          deployment-api.acmecorp.com
//
// Read the files in this order: main.go, environment.go, register.go, api.go, http.go,
// grpc.go, client.go, tokens.go, bound.go, calls.go, table.go, serve.go.
package main
