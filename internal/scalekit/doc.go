// Package scalekit is a Scalekit environment, as far as machine clients need
// one: organizations register clients over the vendor's REST API, the clients
// get access tokens of the vendor's form by client credentials, and whoever
// validates them finds keys and metadata where the vendor has them. It stands
// on package bearertest and serves examples/issuer.
//
//	env, credentials, err := scalekit.New(scalekit.Config{URL: "http://127.0.0.1:8790"})
//	...
//	http.Serve(listener, env.Handler())
//
// # What is served
//
//	/api/v1/organizations                       GET, POST; GET ...:search, ...:external/{external_id}
//	/api/v1/organizations/{id}                  GET, PATCH, DELETE; PATCH .../settings
//	/api/v1/organizations/{id}/clients          GET, POST
//	/api/v1/organizations/{id}/clients/{id}     GET, PATCH, DELETE
//	.../clients/{id}/secrets, .../secrets/{id}  POST; DELETE
//	/api/v1/clients/{id}/secrets, .../{id}      POST; PATCH, PUT, DELETE, for any client
//	/oauth/token                                POST
//	/keys, /.well-known/jwks.json               GET
//	/.well-known/openid-configuration           GET
//	/.well-known/oauth-authorization-server     GET
//
// The same over gRPC, as scalekit.v1.clients.ClientService and
// scalekit.v1.organizations.OrganizationService (see package scalekitv1), with
// or without TLS, over HTTP/2 and HTTP/1.1, with reflection. The vendor's SDKs
// call these.
//
// Everything else below /api/ is answered as the vendor's gateway answers what
// it does not have: 404 with code 5, or 501 with code 12 for another method.
//
// # Where the vendor is silent
//
// Request bodies are read as a grpc-gateway reads them: unknown members are
// ignored, null is the same as leaving a member out, names may be snake_case
// or lowerCamelCase, and expiry may be a number or a string. Stricter than a
// gateway, and so that nothing is registered that no token could carry, these
// are refused: members that come twice, data behind the object, bodies over
// 1 MiB, scopes that are none by RFC 6749, empty audiences, keys of custom
// claims that come twice, and an expiry below zero or over ten years. A scope
// or an audience that comes twice counts once.
//
// Lists begin with what was created last and have 30 items a page, or as many
// as page_size says, 100 at most. A page token stands for a place in the order
// of creation, so that a reader who follows them sees everything once, whatever
// comes and goes meanwhile.
//
// Tokens live as long as the client's expiry says, an hour by default, and
// expires_in says the same. Those of the environment's own client live a day.
// A client that is deleted gets no more tokens; those it has stay valid until
// they expire, as nobody asks the issuer about a JWT.
//
// # Security
//
// It is for development and tests. Secrets are kept as SHA-256 hashes and
// compared in constant time. A client that has failed to authenticate ten times
// gets 429 and another try every six seconds, with the right secret too.
package scalekit
