// Package scalekit is a Scalekit environment in memory, as far as machine
// clients need one: organizations register clients over the vendor's REST API,
// the clients get access tokens of the vendor's form by client credentials, and
// whoever validates them finds keys and metadata where the vendor has them. It
// stands on package bearertest and serves examples/issuer.
//
//	env, credentials, err := scalekit.New(scalekit.Config{URL: "http://127.0.0.1:8790"})
//	...
//	http.Serve(listener, env.Handler())
//
// # What is served
//
//	POST /api/v1/organizations/{organization_id}/clients
//	POST /oauth/token
//	GET  /keys, /.well-known/jwks.json
//	GET  /.well-known/openid-configuration, /.well-known/oauth-authorization-server
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
// claims that come twice, and an expiry below zero or over ten years.
//
// Tokens live as long as the client's expiry says, an hour by default, and
// expires_in says the same. Those of the environment's own client live a day.
//
// # Security
//
// It is for development and tests. State is kept in memory and is gone with
// the process, secrets are kept as SHA-256 hashes and compared in constant
// time, and there is no limit on attempts.
package scalekit
