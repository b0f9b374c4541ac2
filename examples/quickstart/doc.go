// Quickstart shows package bearer from end to end, on one machine. The program registers
// a machine client. The client gets an access token by client credentials and calls an
// API over HTTP, gRPC and gRPC streams. The API validates the token and checks its
// scopes.
//
//	go run ./examples/quickstart
//	go run ./examples/quickstart -serve
//
// The program makes seven kinds of call over each of the three transports. It prints
// the expected and the actual result of each call. If the results of a call differ, the
// exit status is 1. With -serve, the program then keeps running, so that you can call
// the API.
//
// The program contains an issuer. To use a real environment instead, set these
// variables:
//
//	SCALEKIT_ENVIRONMENT_URL  such as https://acme.scalekit.dev
//	M2M_CLIENT_ID             of a client with the scopes deploy:applications
//	                          and read:deployments
//	M2M_CLIENT_SECRET         of the same client
//	M2M_AUDIENCE              the client's audience; the default is
//	                          deployment-api.acmecorp.com
//
// Read the files in this order: main.go, environment.go, register.go, api.go, http.go,
// grpc.go, client.go, tokens.go, calls.go, table.go, serve.go.
package main
