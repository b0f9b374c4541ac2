// Package bearer decides whether the access token of a machine client is
// genuine, meant for this API, valid now, and good for what the request asks.
//
// A client gets a JWT access token from an authorization server by OAuth 2.0
// client credentials (RFC 6749, section 4.4) and sends it with each request (RFC
// 6750). A [JWTVerifier] checks it: signature, issuer, audience, times, type and
// form (RFC 9068, RFC 8725), with the issuer's keys from a shared cache that is
// kept fresh in the background (package jwks). Guards for net/http (package
// middleware) and gRPC (package interceptor) ask it on every request, judge the
// scopes that a route or method declares (package scopes), and put the claims
// into the request's context:
//
//	v, err := bearer.New(bearer.Config{
//		Issuer:   "https://acme.scalekit.dev",
//		Audience: []string{"deployment-api.acmecorp.com"},
//		Profile:  bearer.Scalekit,
//	})
//	guard, err := middleware.New(v, nil)
//	mux.Handle("POST /deployments", guard.Require(scopes.All("deploy:applications"))(deploy))
//
//	// in a handler, HTTP or gRPC alike
//	claims, ok := bearer.FromContext(ctx)
//
// # Security
//
// The zero value of every option is the strict choice. Whatever has no rule is
// denied. Algorithms come from the configuration and keys from the configured
// issuer; a token chooses among them and adds none ("none", HMAC, "jwk", "jku"
// and "x5u" are never looked at). A token that is bound to its sender ("cnf") is
// refused, since possession is not checked yet. What a client learns is the
// [Reason] and no more; details are for logs and never contain a token.
//
// # Operation
//
// Refusals are in the log: [Config.Logger] gets at most 100 a minute. A guard tells every
// outcome to one [Observer]: [NewLogObserver] logs them in full, package metrics counts
// them and shows the health of keys to Prometheus, package tracing, a module of its own,
// is for OpenTelemetry, and [Observers] makes one of several. [Explain] and
// examples/explain say why a token is refused, check by check. Readiness is in packages
// middleware and interceptor. The guide in docs has runbooks for rotations and outages,
// and says of each reason whose fault it is.
//
// # Compatibility
//
// Before v1, names may change between minor versions; the changelog says so. What
// is done with hostile tokens may get stricter at any time.
package bearer
