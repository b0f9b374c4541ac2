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
// Tokens are read from the Authorization field and nowhere else: not from the
// query, a form or a cookie (RFC 9700, section 4.3.2). The guard wraps the
// request and never the ResponseWriter.
package middleware
