package middleware

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/scopes"
)

// forwardRules contains the rules of a table for requests behind a proxy.
type forwardRules struct {
	declared *scopes.Table // the table of the program; nil if there is none
	strict   *scopes.Table // a copy with StrictSegments
	hosts    bool          // a pattern contains a host
}

// isCurrent reports whether the copy contains every pattern. A pattern is never removed or
// replaced, so the numbers of patterns decide.
func (f *forwardRules) isCurrent() bool { return f.strict.Len() == f.declared.Len() }

// rulesBehind returns a function that returns the rules of t. The first request makes the
// copy of the table. If a program declares more rules after the first request, the next
// request makes a new copy. Otherwise a stricter rule has no effect.
func (g *Guard) rulesBehind(t *scopes.Table) func() *forwardRules {
	var (
		current atomic.Pointer[forwardRules]
		mu      sync.Mutex // is held while a copy is made, so that concurrent requests make one copy
	)
	return func() *forwardRules {
		if rules := current.Load(); rules != nil && rules.isCurrent() {
			return rules
		}
		mu.Lock()
		defer mu.Unlock()
		if rules := current.Load(); rules != nil && rules.isCurrent() {
			return rules
		}
		rules := g.forwardRules(t)
		current.Store(rules)
		return rules
	}
}

// forwardRules returns the rules of t.
func (g *Guard) forwardRules(t *scopes.Table) *forwardRules {
	rules := &forwardRules{declared: t, strict: &scopes.Table{StrictSegments: true}, hosts: hasHosts(t)}
	// The copies of one rule are one rule too, because a table compares the rules for HEAD.
	limited := make(map[scopes.Rule]scopes.Rule)
	for pattern, rule := range t.All() {
		if _, ok := limited[rule]; !ok {
			limited[rule] = g.withLimit(rule)
		}
		rules.strict.Handle(pattern, limited[rule])
	}
	return rules
}

// find returns the rule for the request and the pattern of this rule. If there is no rule,
// noRule says why.
func (f *forwardRules) find(g *Guard, req clientRequest) (rule scopes.Rule, pattern, noRule string) {
	if f.hosts && req.hostMistake != "" {
		return rule, "", req.hostMistake + "; the table has a pattern with a host"
	}
	if rule, pattern = g.ruleFor(f.strict, req.Request); !rule.IsZero() {
		return rule, pattern, ""
	}
	if _, other := g.ruleFor(f.declared, req.Request); other != "" {
		return rule, "", g.noRule(req.Request, rule, "the pattern "+other+" matches, but scopes.Table.StrictSegments refuses", f.hosts)
	}
	return rule, "", g.noRule(req.Request, rule, noPattern, f.hosts)
}

// maxAnswer is the maximum size of the fields of Options.Headers and of Cache-Control in an
// answer to a proxy, in bytes. By default, nginx accepts 4 KiB for the status line and all
// fields of the answer (proxy_buffer_size). It answers 500 to the client if they are larger.
const maxAnswer = 3 << 10

// withLimit returns a rule that also denies a request if the fields of Options.Headers are
// too large. The check is a part of the rule, so that the observer receives its outcome. The
// fields of a public route are always empty.
func (g *Guard) withLimit(rule scopes.Rule) scopes.Rule {
	if len(g.headers) == 0 || rule.IsPublic() {
		return rule
	}
	limited := scopes.And(rule, scopes.Func("forward auth", func(ctx context.Context) error {
		claims, ok := bearer.FromContext(ctx)
		if !ok || !rule.HasFunc() && !rule.IsReportOnly() && !allows(ctx, rule, claims) {
			return nil // the rule itself refuses the request
		}
		if size := g.answerSize(claims); size > maxAnswer {
			return &bearer.Error{Reason: bearer.Internal, Err: fmt.Errorf("the fields of Options.Headers have %d bytes, want at most %d bytes", size, maxAnswer)}
		}
		return nil
	}))
	// And ignores the modes of its operands.
	if rule.IsReportOnly() {
		limited = scopes.ReportOnly(limited)
	}
	if rule.IsOptional() {
		limited = scopes.Optional(limited)
	}
	return limited
}

// allows reports whether the caller meets a rule without functions.
func allows(ctx context.Context, rule scopes.Rule, claims *bearer.Claims) bool {
	return rule.Allow(ctx, claims.Scopes()) == nil
}

// answerSize returns the size of the fields of Options.Headers and of Cache-Control, in bytes.
func (g *Guard) answerSize(claims *bearer.Claims) int {
	size := fieldSize("Cache-Control", noStore)
	for _, field := range g.headers {
		size += fieldSize(field.name, encodeHeader(field.value(claims)))
	}
	return size
}

// fieldSize returns the number of bytes of a field in an HTTP/1.1 message.
func fieldSize(name, value string) int { return len(name) + len(": ") + len(value) + len("\r\n") }
