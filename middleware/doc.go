// Package middleware guards net/http handlers with access tokens.
//
//	guard, err := middleware.New(verifier, nil)
//	require := guard.Require(scopes.All("deploy:applications"))
//	mux.Handle("POST /deployments", require(http.HandlerFunc(deploy)))
//
// One table can contain the rules of a whole mux:
//
//	var rules scopes.Table
//	rules.Handle("POST /deployments", scopes.All("deploy:applications"))
//	rules.Handle("GET /healthz", scopes.Public())
//	http.ListenAndServe(addr, guard.Enforce(&rules)(mux))
//
// A handler gets the caller's claims from bearer.FromContext(r.Context()).
//
// A [Guard] answers a refused request with one of these status codes:
//
//   - 400: the credentials are not exactly one bearer token.
//   - 401: the token is missing or invalid.
//   - 403: the route has no rule, or its rule does not allow the request. For example, the
//     token lacks a required scope.
//   - 500: this service is at fault. For example, a function in the rule panicked.
//   - 503: the issuer's keys are unavailable, or this service must not query the issuer for the
//     key of this token yet. The caller may not be at fault.
//
// A response with 400, 401 or 403 contains a challenge in the field WWW-Authenticate (RFC
// 6750, section 3). If the route has no rule, no scope helps. So the challenge with status
// 403 then contains no error code, and the error code in the body is "forbidden".
//
// [Guard.Require] and [Guard.Handle] work with every router that accepts net/http handlers.
// [Guard.Enforce] is for [http.ServeMux]. [Guard.EnforceRoutes] applies one list of rules to
// the routes that a router itself chooses. Adapters for chi, gin and echo are separate
// modules in subfolders of this package. [AuditRoutes] compares the list with the routes of
// the router, and bearertest.Unguarded finds routes without a guard. The page
// docs/routers.md of the repository has a table of the routers, with the call and the test
// for each router.
//
// [Guard.Routes] lists the declared rules for operators, and [Guard.Metadata] publishes the
// required scopes for clients (RFC 9728). [Guard.ForwardAuth] and [Guard.Proxy] guard
// services that cannot verify tokens themselves.
//
// # Security
//
// The guard reads tokens only from the Authorization field, never from the query (RFC
// 9700, section 4.3.2), a form, a cookie or a trailer. The guard denies every request with
// an unclean path (see the comment of package scopes), because a handler that cleans the path itself can
// serve a route whose rule was not checked. For the same cause, the guard denies every
// request whose method contains lower-case letters, because some handlers ignore the letter
// case of methods. Both apply to public routes too. The guard does not wrap the server's
// ResponseWriter, so handlers can use the optional methods of the writer, such as Flush.
package middleware
