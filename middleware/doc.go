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
// The guard answers refused requests as RFC 6750, section 3 defines: 401 for a missing
// or invalid token, 400 for credentials that are not exactly one bearer token, and 403
// for a missing scope. If the issuer's keys are unavailable, the caller is not at fault
// and gets 503.
//
// Both kinds of middleware work with every router that accepts net/http handlers, such
// as chi. Adapters for gin and echo are separate modules in subfolders of this package.
// [Guard.Metadata] describes the API to clients (RFC 9728), and [Guard.Routes] lists the
// routes for operators; both read the rules that the guard enforces. [Guard.ForwardAuth]
// and [Guard.Proxy] guard services that cannot verify tokens themselves.
//
// # Security
//
// Tokens are read only from the Authorization field, never from the query, a form, a
// cookie or a trailer (RFC 9700, section 4.3.2). The guard wraps the request, never the
// ResponseWriter. A request with an unclean path ([scopes.CleanPath]) is denied, by
// Require as well as by Enforce, because a handler that cleans the path itself can serve
// another route than the one that was checked.
package middleware
