// Quickstart is the main job of package bearer from end to end, on one machine: a
// machine client is registered and gets an access token by client credentials,
// and an API validates it over HTTP, over gRPC and over a gRPC stream, and decides
// on its scopes.
//
//	go run ./examples/quickstart
//	go run ./examples/quickstart -serve
//
// The first form makes seven kinds of call over each of the three, prints what
// was expected and what came back, and exits with status 1 if they differ. The
// second one then keeps the issuer and the API up, for you to call.
//
// The issuer runs inside of the program unless the environment names a real one:
//
//	SCALEKIT_ENVIRONMENT_URL  such as https://acme.scalekit.dev
//	M2M_CLIENT_ID             of a client registered with the scopes
//	M2M_CLIENT_SECRET         deploy:applications and read:deployments
//	M2M_AUDIENCE              its audience; deployment-api.acmecorp.com if not set
//
// Files in the order of the story: environment.go, register.go, api.go, http.go,
// grpc.go, calls.go, table.go, serve.go.
package main
