//go:build !race

package bearer_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/growth"
	"github.com/bearerkit/bearer/scopes"
)

// Decide reads Authorization values of any form in linear time. A server accepts 1 MiB of fields.
func TestGrowthOfAuthorization(t *testing.T) {
	g := newGrowthIssuer(t, nil)
	for name, values := range map[string]func(n int) []string{
		"many values":         func(n int) []string { return slices.Repeat([]string{"Bearer a.b.c"}, n/10) },
		"many empty values":   func(n int) []string { return make([]string, n) },
		"long token":          func(n int) []string { return []string{"Bearer " + strings.Repeat("a", n)} },
		"long parts":          func(n int) []string { return []string{"Bearer " + strings.Repeat(strings.Repeat("a", n/3)+".", 3)} },
		"dots":                func(n int) []string { return []string{"Bearer " + strings.Repeat(".", n)} },
		"dots after a letter": func(n int) []string { return []string{"Bearer a" + strings.Repeat(".", n)} },
		"padding":             func(n int) []string { return []string{"Bearer a.b." + strings.Repeat("=", n)} },
		"spaces":              func(n int) []string { return []string{"Bearer" + strings.Repeat(" ", n) + "a.b.c"} },
		"spaces in front":     func(n int) []string { return []string{strings.Repeat(" ", n) + "Bearer a.b.c"} },
		"spaces at the end":   func(n int) []string { return []string{"Bearer a.b.c" + strings.Repeat(" ", n)} },
		"long scheme":         func(n int) []string { return []string{strings.Repeat("a", n)} },
		"long other scheme":   func(n int) []string { return []string{"Basic " + strings.Repeat("a", n)} },
		"many schemes":        func(n int) []string { return []string{strings.Repeat("Basic a,", n/8)} },
		"many short schemes":  func(n int) []string { return []string{strings.Repeat("a,", n/2)} },
		"many list spaces":    func(n int) []string { return []string{"a" + strings.Repeat(", ", n/2)} },
		"Bearer as a prefix":  func(n int) []string { return []string{strings.Repeat("BearerX,", n/8)} },
		"not ASCII":           func(n int) []string { return []string{"Bearer " + strings.Repeat("\u00e9", n/2)} },
	} {
		for _, least := range []int{leastField, 64 << 10} { // a value may be longer than a token
			growth.Check(t, name, least, func(n int) func() {
				req := bearer.Request{Transport: "http", Authorization: values(n), Rule: scopes.All("deploy")}
				return func() { _, _ = bearer.Decide(context.Background(), g.verifier, req) }
			})
		}
	}
	for name, change := range map[string]func(r *bearer.Request, text string){
		"NoRule": func(r *bearer.Request, text string) { r.Rule, r.NoRule = scopes.Rule{}, text },
		"Route":  func(r *bearer.Request, text string) { r.Route = text },
	} {
		growth.Check(t, name, 64<<10, func(n int) func() {
			req := bearer.Request{Transport: "http", Authorization: []string{"Bearer a.b.c"}, Rule: scopes.All("deploy")}
			change(&req, strings.Repeat("/\n", n/2))
			return func() { _, _ = bearer.Decide(context.Background(), g.verifier, req) }
		})
	}
}

// The cost of a rule grows with the rule plus the token, and not with the rule times the token.
func TestGrowthOfRules(t *testing.T) {
	for name, row := range map[string]struct {
		rule  func(n int) scopes.Rule
		claim string
		value func(n int) string
	}{
		"ClaimEquals, many values": {
			func(n int) scopes.Rule { return bearer.ClaimEquals("x", anyNames("v%d", n/8)...) }, "x",
			func(n int) string { return longText(`v`)(n) },
		},
		"ClaimEquals, escapes": {
			func(n int) scopes.Rule { return bearer.ClaimEquals("x", anyNames("\n%d", n/8)...) }, "x", longText(`\n`),
		},
		"ClaimEquals, long number": {
			func(n int) scopes.Rule { return bearer.ClaimEquals("x", anyNames("%d", n/8)...) }, "x",
			func(n int) string { return strings.Repeat("1", n) },
		},
		"ClaimEquals, long fraction": {
			func(n int) scopes.Rule { return bearer.ClaimEquals("x", anyNames("%d", n/8)...) }, "x",
			func(n int) string { return "1." + strings.Repeat("1", n) },
		},
		"ClaimIncludes, long value": {
			func(n int) scopes.Rule { return bearer.ClaimIncludes("x", strings.Repeat("\n", n/8)) }, "x", listOf(`"\u0061"`),
		},
		"ClientIs, many clients": {
			func(n int) scopes.Rule { return bearer.ClientIs(names("v%d", n/8)...) }, "client_id", longText("v"),
		},
		"HasRole": {func(int) scopes.Rule { return bearer.HasRole("admin") }, "roles", listOf(`"r%d"`)},
		"All":     {func(n int) scopes.Rule { return scopes.All(names("s%d", n/8)...) }, "scp", listOf(`"r%d"`)},
		"All, one missing": {
			func(n int) scopes.Rule { return scopes.All(names("s%d", n/6)...) }, "scp", listOf(`"s%d"`),
		},
		"Any": {func(n int) scopes.Rule { return scopes.Any(names("s%d", n/8)...) }, "scp", listOf(`"r%d"`)},
	} {
		growth.Check(t, name, leastField, func(n int) func() {
			g := newGrowthIssuer(t, func(c *bearer.Config) { c.Hierarchy = nil })
			req := bearer.Request{
				Transport: "http", Rule: row.rule(n),
				Authorization: []string{"Bearer " + g.token("a", nil, []jsonMember{{`"` + row.claim + `"`, row.value(n)}})},
			}
			if err := req.Rule.Err(); err != nil {
				t.Fatal(err)
			}
			return func() {
				if _, err := bearer.Decide(context.Background(), g.verifier, req); err != nil && !errors.Is(err, bearer.MissingScope) {
					t.Errorf("%s: got error %v, want none or a missing scope", name, err)
				}
			}
		})
	}
}

func anyNames(format string, n int) []any {
	list := make([]any, n)
	for i := range list {
		list[i] = fmt.Sprintf(format, i)
	}
	return list
}

// The records, the error and the explanation of a refusal grow no faster than the token, and
// do not grow with the configuration.
func TestGrowthOfReports(t *testing.T) {
	reports := map[string]func(t *testing.T, g *growthIssuer, token string) func(){
		"error": func(_ *testing.T, g *growthIssuer, token string) func() {
			return func() {
				if _, err := g.verifier.Verify(context.Background(), token); err != nil {
					_ = err.Error()
				}
			}
		},
		"record": func(t *testing.T, g *growthIssuer, token string) func() {
			t.Helper()
			o, err := bearer.NewLogObserver(slog.New(slog.NewJSONHandler(discard{}, nil)), &bearer.LogOptions{Burst: -1, Audit: slog.LevelInfo})
			if err != nil {
				t.Fatal(err)
			}
			req := bearer.Request{Transport: "http", Authorization: []string{"Bearer " + token}, Rule: scopes.All("deploy"), Observer: o}
			return func() { _, _ = bearer.Decide(context.Background(), g.verifier, req) }
		},
		"explanation": func(_ *testing.T, g *growthIssuer, token string) func() {
			req := bearer.Request{Transport: "http", Authorization: []string{"Bearer " + token}, Rule: scopes.All("deploy")}
			return func() { _ = bearer.Explain(context.Background(), g.verifier, req).String() }
		},
	}
	g := newGrowthIssuer(t, func(c *bearer.Config) {
		c.Audience, c.Hierarchy = append(names("https://api%d.example", manyNames), audience), nil
	})
	for _, field := range []string{
		"plain claim", "header: many members with escapes", "header: kid with escapes", "header: typ with escapes", "header: alg", "header: crit",
		"claims: many members with escapes", "claims: object with many members", "claims: sub with escapes", "claims: jti", "claims: client_id with escapes",
		"claims: scope", "claims: scp with escapes", "claims: roles", "claims: iss", "claims: aud with escapes", "claims: cnf with escapes", "claims: exp",
	} {
		for name, report := range reports {
			growth.Check(t, name+" of "+field, leastField, func(size int) func() {
				return report(t, g, g.growing(t, fieldOf(t, field), "a", size))
			})
		}
	}
}

// discard is a writer that does nothing. In contrast to io.Discard, slog does not know it.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// An explanation and an error do not list all strings of a long configuration, and an
// explanation does not list all values of a token.
func TestReportsAreShort(t *testing.T) {
	g := newGrowthIssuer(t, func(c *bearer.Config) { c.Audience = names("https://api%d.example", manyNames) })
	issuers := growingIssuers(t, g, 300, func(c *bearer.Config, i int) { c.Issuer = fmt.Sprintf("https://issuer%d.example", i) })
	const most = 16 << 10
	for _, field := range []string{"claims: scp", "claims: roles", "claims: aud", "claims: cnf", "claims: many members", "claims: iss"} {
		token := g.growing(t, fieldOf(t, field), "a", mostField)
		for name, v := range map[string]bearer.Verifier{"one issuer": g.verifier, "many issuers": issuers} {
			req := bearer.Request{Transport: "http", Authorization: []string{"Bearer " + token}, Rule: scopes.All("deploy")}
			if n := len(bearer.Explain(context.Background(), v, req).String()); n > most {
				t.Errorf("%s, %s: got an explanation of %d bytes, want at most %d", field, name, n, most)
			}
			_, err := v.Verify(context.Background(), token)
			if err == nil {
				t.Fatalf("%s, %s: got no error, want an error", field, name)
			}
			if n := len(err.Error()); n > 1<<10 {
				t.Errorf("%s, %s: got an error of %d bytes, want at most 1024", field, name, n)
			}
		}
	}
}

// An error of a verifier, a hook or a rule costs time in proportion to the errors and to the
// scopes in it.
func TestGrowthOfErrors(t *testing.T) {
	missing := func(names ...string) error { return &bearer.Error{Reason: bearer.MissingScope, Missing: names} }
	for name, err := range map[string]func(n int) error{
		"scopes":          func(n int) error { return missing(names("s%d", n)...) },
		"repeated scopes": func(n int) error { return missing(slices.Repeat([]string{"s"}, n)...) },
		"invalid scopes":  func(n int) error { return missing(slices.Repeat([]string{`"`}, n)...) },
		"errors": func(n int) error {
			list := make([]error, n)
			for i := range list {
				list[i] = missing(fmt.Sprint("s", i))
			}
			return errors.Join(list...)
		},
		"wrapped errors": func(n int) error {
			err := missing("s")
			for range n {
				err = fmt.Errorf("%w", err)
			}
			return err
		},
	} {
		growth.Check(t, name, 100, func(n int) func() {
			refusal := err(n)
			v := bearer.VerifierFunc(func(context.Context, string) (*bearer.Claims, error) { return nil, refusal })
			req := bearer.Request{Transport: "http", Authorization: []string{"Bearer a.b.c"}, Rule: scopes.All("deploy")}
			return func() { _, _ = bearer.Decide(context.Background(), v, req) }
		})
	}
}
