// Package scopes defines rules. A rule describes what a route or a gRPC method requires of
// its callers. The guards of packages middleware and interceptor apply the rules.
//
// A [Rule] is built once, when the program starts. The guard evaluates the rule on every
// request:
//
//	scopes.All("deploy:applications")                      // each of these scopes
//	scopes.Any("read:deployments", "deploy:applications")  // at least one of them
//	scopes.And(scopes.All("admin"), scopes.Func("office hours", officeHours))
//	scopes.Public()                                        // no token required
//
// There are two modes for rules. In the mode [ReportOnly], the guard allows and reports
// requests that the rule denies. In the mode [Optional], the guard allows requests without
// a token.
//
// For HTTP, the method Require of a guard binds one rule to one handler, and a [Table] maps
// patterns of [net/http.ServeMux] to rules. [Routes] maps the routes of any router to rules,
// by the names that the router itself reports. For gRPC, [Methods] maps full method names to
// rules. A request to a route or a method without a rule is denied. The zero Rule, the zero
// Table, the nil Routes and the nil Methods deny every request.
//
// Guards deny requests with a path that is not clean, because some handlers clean a path, and then
// serve a different route than the route that the router found. A path is clean if the decoded path
//   - begins with a slash
//   - has no empty element, except after a slash at its end. An element that starts with ";" is
//     empty before its parameters, so it is not allowed, even at the end.
//   - has no element "." or "..", and no element that starts with "." or ".." and continues with
//     ";", "?" or "#"
//   - has no backslash, which some file systems treat as a slash
//   - has no control character (U+0000 to U+001F, U+007F to U+009F)
//   - is valid UTF-8
//
// The same must be true after the path was decoded up to three more times. After the third time,
// the path must contain no escapes. A path that contains "#" without escaping is not clean (RFC 9112,
// section 3.2).
//
// The package does not read tokens. Its arguments are strings. A [Set] holds the scopes
// that an access token grants (RFC 6749, section 3.3). A [Hierarchy] defines which scopes a
// scope implies.
package scopes
