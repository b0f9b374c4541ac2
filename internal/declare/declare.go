// Package declare contains what the transports share when a route or a method gets its
// rule: checks that panic on mistakes, and a sentence that describes the declaration.
package declare

import (
	"errors"
	"fmt"

	"github.com/bearerkit/bearer/internal/nilcheck"
	"github.com/bearerkit/bearer/scopes"
)

// Rule panics if the rule is invalid. name is the pattern or the method, or "" if it is not
// known. The zero Rule is accepted; it denies.
func Rule(transport, name string, rule scopes.Rule) {
	if err := rule.Err(); err != nil && !rule.IsZero() {
		panic(fmt.Errorf("%w: the rule is invalid: %w", atCaller(transport, name), err)) //nolint:forbidigo // as http.ServeMux.Handle does
	}
}

// NotNil panics if v is nil or an interface that contains a nil pointer or a nil function.
// part is what v is in the declaration of name, such as "handler".
func NotNil(transport, name, part string, v any) {
	if nilcheck.IsNil(v) {
		panic(fmt.Errorf("%w: the %s is nil", atCaller(transport, name), part)) //nolint:forbidigo // as http.ServeMux.Handle does
	}
}

// Register calls register, which registers a handler with a mux. If the mux panics,
// Register panics with its message and the source line of the user's code. The mux itself
// reports only the line in this module that called it.
func Register(transport, name string, register func()) {
	at := atCaller(transport, name)
	defer func() {
		if p := recover(); p != nil {
			panic(fmt.Errorf("%w: %v", at, p)) //nolint:forbidigo // the mux panicked
		}
	}()
	register()
}

// atCaller returns an error with the name of the declaration and the source line of the
// user's code that declares it. The code that finds this line is in package scopes, which
// needs it for invalid rules and imports nothing of this module; Invalid gives access to
// it.
func atCaller(transport, name string) error {
	return scopes.Invalid(errors.New(transport + ": " + orRoute(name))).Err()
}

// orRoute returns the name, or "a route" if the name is not known.
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
		text += " if a token is sent"
	}
	if rule.IsReportOnly() {
		text += " (report only)"
	}
	return text
}
