// Package declare is what the transports do where a route or a method gets its rule:
// refuse what cannot work, and say what was declared.
package declare

import (
	"errors"
	"fmt"

	"github.com/bearerkit/bearer/internal/nilcheck"
	"github.com/bearerkit/bearer/scopes"
)

// Rule panics if the rule of name, a pattern or "", cannot work. The zero Rule can: it
// denies.
func Rule(transport, name string, rule scopes.Rule) {
	if err := rule.Err(); err != nil && !rule.IsZero() {
		panic(fmt.Errorf("%w: the rule cannot work: %w", atCaller(transport, name), err)) //nolint:forbidigo // as http.ServeMux.Handle does
	}
}

// NotNil panics if v, a part of the declaration of name, is nil or an interface that holds
// a nil pointer or a nil function.
func NotNil(transport, name, part string, v any) {
	if nilcheck.IsNil(v) {
		panic(fmt.Errorf("%w: the %s is nil", atCaller(transport, name), part)) //nolint:forbidigo // as http.ServeMux.Handle does
	}
}

// Register calls register, which hands a handler to a mux. If the mux panics, the message
// gets the line of the user's code: the mux knows the line in this module that called it.
func Register(transport, name string, register func()) {
	at := atCaller(transport, name)
	defer func() {
		if p := recover(); p != nil {
			panic(fmt.Errorf("%w: %v", at, p)) //nolint:forbidigo // as the mux does
		}
	}()
	register()
}

// atCaller returns what is declared with the line of the user's code that declares it.
// Package scopes needs that line for wrong rules and imports nothing of this module, so
// the code that finds it stands there, and Invalid is the way to it.
func atCaller(transport, name string) error {
	return scopes.Invalid(errors.New(transport + ": " + orRoute(name))).Err()
}

// orRoute returns the name, or what stands for one that is not known.
func orRoute(name string) string {
	if name == "" {
		return "a route"
	}
	return name
}

// Sentence returns what a route or a method asks of its callers as a sentence, without a
// full stop. A route whose name is not known is "a route".
func Sentence(name string, rule scopes.Rule) string {
	switch name = orRoute(name); {
	case rule.IsZero():
		return name + " has no rule and is denied"
	case rule.Err() != nil:
		return name + " has a rule that cannot work"
	case rule.IsPublic():
		return name + " is public"
	}
	text := name + " asks for " + rule.String()
	if rule.IsOptional() {
		text += ", or for no token"
	}
	if rule.IsReportOnly() {
		text += ", and reports only"
	}
	return text
}
