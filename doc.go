// Package bearer verifies the access tokens that machine clients send to a Go service,
// and decides whether each request is allowed.
//
// A client gets a JWT access token from an authorization server with the client
// credentials grant of OAuth 2.0 (RFC 6749, section 4.4). The client sends the token with
// each request (RFC 6750). A [JWTVerifier] checks the token's signature, issuer, audience,
// times, type and form (RFC 9068, RFC 8725). A [jwks.Cache] holds the issuer's public keys
// in memory and refreshes them in the background.
//
// A guard protects the routes of an HTTP server (package middleware) or the methods of a
// gRPC server (package interceptor). Each route or method has a rule (package scopes), for
// example the scopes that a token must grant. For each request, the guard verifies the
// token, applies the rule, and puts the token's claims into the request's context:
//
//	v, err := bearer.New(bearer.Config{
//		Issuer:   "https://acme.scalekit.dev",
//		Audience: []string{"deployment-api.acmecorp.com"},
//		Profile:  bearer.Scalekit,
//	})
//	guard, err := middleware.New(v, nil)
//	require := guard.Require(scopes.All("deploy:applications"))
//	mux.Handle("POST /deployments", require(http.HandlerFunc(deploy)))
//
//	// in a handler, HTTP or gRPC
//	claims, ok := bearer.FromContext(ctx)
//
// # Security
//
// The defaults are strict: the zero [Profile] accepts only tokens that follow RFC 9068,
// and a route without a rule is denied. The configuration lists the accepted algorithms,
// and keys come only from the configured issuer. A token cannot add an algorithm or a key.
// The algorithms "none" and HMAC are refused, and the header members "jwk", "jku" and
// "x5u" are ignored. A token that is bound to a client key ("cnf") is refused, unless
// Config.Bindings has the check of this binding, such as the result of dpop.New.
//
// The response to a refused request has an error code and a sentence, which both come from
// a fixed list. If scopes are missing, the response lists them. If the issuer's keys are
// not available, the response has the time after which the client can retry. A gRPC
// response also has the [Reason]. Details go to logs, and logs never contain a token.
//
// # Operation
//
// Refusals are logged to [Config.Logger]. The whole process logs at most 80 refusals and 20
// faults of the service per minute there. A guard reports the outcome of each request to one [Observer]; the type
// [Observers] combines several observers into one. A [LogObserver] can log all refusals,
// and can also log allowed requests. Package metrics counts outcomes and exports the state
// of the keys to Prometheus. Package tracing is a separate module that adds outcomes to
// OpenTelemetry traces. [Explain] and the program bearer-explain show the result of every
// check for one token. Packages middleware and interceptor have readiness checks.
//
// The guide in the folder docs has runbooks for key rotations and outages. The page
// docs/reasons.md lists, for each reason, the most likely cause and the party that is at
// fault.
//
// # Compatibility
//
// Before v1, minor versions may change exported names. CHANGELOG.md lists these changes. A
// new version may refuse hostile tokens that earlier versions accepted.
package bearer
