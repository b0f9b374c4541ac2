// Package middleware guards net/http handlers with access tokens.
//
//	guard, err := middleware.New(verifier, nil)
//	mux.Handle("POST /deployments", guard.Require(scopes.All("deploy:applications"))(deploy))
//
// or, with the rules of a whole mux in one place,
//
//	var rules scopes.Table
//	rules.Handle("POST /deployments", scopes.All("deploy:applications"))
//	rules.Handle("GET /healthz", scopes.Public())
//	http.ListenAndServe(addr, guard.Enforce(&rules)(mux))
//
// A handler finds the caller with bearer.FromContext(r.Context()). Refusals are
// answered as RFC 6750, section 3 has it: 401 for a token that is missing or not
// good, 400 for a request that is not clear, 403 for a scope that is missing;
// and 503 where the issuer's keys cannot be had, which is no fault of the caller.
//
// Both kinds of middleware fit every router that takes net/http handlers, chi
// among them. Adapters for gin and echo are modules of their own below this
// folder. [Guard.Metadata] describes the API to clients (RFC 9728) and
// [Guard.Routes] to its operators, from the rules that are enforced.
// [Guard.ForwardAuth] and [Guard.Proxy] guard services that cannot do it
// themselves.
//
// # Security
//
// Tokens are read from the Authorization field and nowhere else: not from the
// query, a form, a cookie or a trailer (RFC 9700, section 4.3.2). The guard wraps
// the request and never the ResponseWriter. A path that is not clean in each of
// its spellings has no rule ([scopes.CleanPath]), with Require as with Enforce: a
// handler that cleans it would serve what is below another route.
package middleware
