// Package declare checks the declarations of rules, and describes rules in sentences.
// Packages middleware and interceptor use it. [Rule], [NotNil] and [Register] panic if a
// declaration has a mistake.
package declare

import (
	"errors"
	"fmt"

	"github.com/bearerkit/bearer/internal/nilcheck"
	"github.com/bearerkit/bearer/scopes"
)

// Rule panics if the rule is invalid. The argument "name" is the pattern of the route or the
// name of the method, or "" if the route has no pattern yet. Rule accepts the zero Rule,
// which denies every request.
func Rule(transport, name string, rule scopes.Rule) {
	if err := rule.Err(); err != nil && !rule.IsZero() {
		panic(fmt.Errorf("%w: the rule is invalid: %w", atCaller(transport, name), err)) //nolint:forbidigo // http.ServeMux.Handle panics too
	}
}

// NotNil panics if v is nil, a nil pointer or a nil function. The argument "part" is the
// name of v in the panic message, for example "handler". The argument "name" has the same
// meaning as in [Rule].
func NotNil(transport, name, part string, v any) {
	if nilcheck.IsNil(v) {
		panic(fmt.Errorf("%w: the %s is nil", atCaller(transport, name), part)) //nolint:forbidigo // http.ServeMux.Handle panics too
	}
}

// Register calls the function addHandler, which registers a handler with a mux. If the mux
// panics, Register panics with the message of the mux and the source line in the user's
// code. Without Register, the message contains only a source line of this module.
func Register(transport, name string, addHandler func()) {
	at := atCaller(transport, name)
	defer func() {
		if p := recover(); p != nil {
			panic(fmt.Errorf("%w: %v", at, p)) //nolint:forbidigo // the mux panicked
		}
	}()
	addHandler()
}

// atCaller returns an error with the name of the declaration and the source line in the
// user's code. The function scopes.Invalid finds the source line. This function is in
// package scopes, because package scopes needs the function too and
// must not import package declare.
func atCaller(transport, name string) error {
	return scopes.Invalid(errors.New(transport + ": " + orRoute(name))).Err()
}

// orRoute returns the name, or "a route" if the name is empty.
func orRoute(name string) string {
	if name == "" {
		return "a route"
	}
	return name
}

// Sentence returns a sentence about the rule of a route or a method, without a full stop.
// An empty name becomes "a route".
func Sentence(name string, rule scopes.Rule) string {
	switch name = orRoute(name); {
	case rule.IsZero():
		return name + " has no rule and is denied"
	case rule.Err() != nil:
		return name + " has an invalid rule"
	case rule.IsPublic():
		return name + " is public"
	}
	text := name + " requires " + rule.String()
	if rule.IsOptional() {
		text = name + " allows callers without a token; callers with a token need " + rule.String()
		if rule.String() == scopes.All().String() {
			text = name + " allows callers without a token; a token that is sent must be valid"
		}
	}
	if rule.IsReportOnly() {
		text += " (report only)"
	}
	return text
}
