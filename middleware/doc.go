// Package middleware guards net/http handlers with access tokens.
//
//	guard, err := middleware.New(verifier, nil)
//	mux.Handle("POST /deployments", guard.Require(scopes.All("deploy:applications"))(deploy))
//
// or, with the rules of a whole mux in one table:
//
//	var rules scopes.Table
//	rules.Handle("POST /deployments", scopes.All("deploy:applications"))
//	rules.Handle("GET /healthz", scopes.Public())
//	http.ListenAndServe(addr, guard.Enforce(&rules)(mux))
//
// A handler gets the caller's claims from bearer.FromContext(r.Context()).
//
// A [Guard] answers refused requests as RFC 6750, section 3 defines: 401 for a missing
// or invalid token, 400 for credentials that are not exactly one bearer token, and 403
// if the rule of the route does not allow the request, for example because a scope is
// missing. If the caller is not at fault, the guard answers 503 (the issuer's
// keys are unavailable) or 500 (this service is at fault). A 400, 401 or 403 contains
// a challenge: the field WWW-Authenticate.
//
// [Guard.Require] and [Guard.Enforce] work with every router that accepts net/http
// handlers, such as chi. Adapters for gin and echo are separate modules in subfolders of
// this package. [Guard.Routes] lists the routes with their rules for operators, and
// [Guard.Metadata] publishes the required scopes for clients (RFC 9728).
// [Guard.ForwardAuth] and [Guard.Proxy] guard services that cannot verify tokens
// themselves.
//
// # Security
//
// The guard reads tokens only from the Authorization field, never from the query (RFC
// 9700, section 4.3.2), a form, a cookie or a trailer. The guard denies every request with
// an unclean path ([scopes.CleanPath]): a handler that cleans the path itself can serve a
// route whose rule was not checked. The guard does not wrap the server's ResponseWriter, so
// handlers keep its optional methods, such as Flush.
package middleware
