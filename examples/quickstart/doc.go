// Quickstart shows package bearer from end to end, on one machine. A machine client is
// registered and gets an access token by client credentials. It calls an API over
// HTTP, gRPC and gRPC streams. The API validates the token and checks its scopes.
//
//	go run ./examples/quickstart
//	go run ./examples/quickstart -serve
//
// The program makes seven kinds of call over each of the three transports. It prints
// the expected and the actual result of each call, and exits with status 1 if they
// differ. With -serve, the issuer and the API then keep running, so that you can call
// them.
//
// The program contains an issuer. To use a real environment, set these variables:
//
//	SCALEKIT_ENVIRONMENT_URL  such as https://acme.scalekit.dev
//	M2M_CLIENT_ID             of a client with the scopes deploy:applications
//	                          and read:deployments
//	M2M_CLIENT_SECRET         of the same client
//	M2M_AUDIENCE              the client's audience; default deployment-api.acmecorp.com
//
// Read the files in this order: environment.go, register.go, api.go, http.go, grpc.go,
// calls.go, table.go, serve.go.
package main
