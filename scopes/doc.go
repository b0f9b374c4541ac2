// Package scopes defines rules: what a route or a gRPC method requires of its callers. The
// guards of packages middleware and interceptor apply the rules.
//
// A [Rule] is built once, at start, and evaluated on every request:
//
//	scopes.All("deploy:applications")                      // each of these scopes
//	scopes.Any("read:deployments", "deploy:applications")  // at least one of them
//	scopes.And(scopes.All("admin"), scopes.Func("office hours", officeHours))
//	scopes.Public()                                        // no token required
//
// Two modes relax a rule. With [ReportOnly], requests that the rule denies are allowed and
// reported. With [Optional], requests without a token are allowed.
//
// For HTTP, the method Require of a guard binds one rule to one handler, and a [Table] holds
// rules by http.ServeMux pattern. For gRPC, [Methods] holds rules by full method name. A
// route or a method without a rule is denied: the zero Rule, the zero Table and the nil
// Methods deny every request.
//
// The package works on strings and never sees a token. A [Set] holds the scopes that an
// access token grants (RFC 6749, section 3.3). A [Hierarchy] lets one scope imply others.
package scopes
