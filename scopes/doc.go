// Package scopes says what a route or a method asks of its caller.
//
// A [Rule] is built once, at start, and judged on every request:
//
//	scopes.All("deploy:applications")                      // each of these scopes
//	scopes.Any("read:deployments", "deploy:applications")  // at least one of them
//	scopes.And(scopes.All("admin"), scopes.Func("office hours", officeHours))
//	scopes.Public()                                        // no token asked for
//
// Rules are kept beside what they protect: one by one with a guard's Require,
// by http.ServeMux pattern in a [Table], by full gRPC method name in
// [Methods]. What has no rule is denied: the zero Rule, the zero Table and the
// nil Methods let nobody in.
//
// The package knows strings, not tokens: a [Set] is what an access token
// grants, in the words of RFC 6749, section 3.3.
package scopes
