//go:build !race

package bearer_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/growth"
	"github.com/bearerkit/bearer/scopes"
)

// manyNames is the length of the long lists in the configurations of these tests.
const manyNames = 2000

// names returns n different names.
func names(format string, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(format, i)
	}
	return list
}

// fieldOf returns the row of growingFields with this name.
func fieldOf(t *testing.T, name string) growingField {
	t.Helper()
	for _, field := range growingFields() {
		if field.name == name {
			return field
		}
	}
	t.Fatalf("there is no field %q", name)
	return growingField{}
}

// The claims of a token cost no more than their length permits if the configuration calls
// functions, and if it has many audiences.
func TestGrowthWithOptions(t *testing.T) {
	for name, adjust := range map[string]func(*bearer.Config){
		"Custom": func(c *bearer.Config) { c.Custom = bearer.JSON[map[string]any] },
		"JSONAt": func(c *bearer.Config) { c.Custom = bearer.JSONAt[any]("x") },
		"Validate": func(c *bearer.Config) {
			c.Validate = func(_ context.Context, claims *bearer.Claims) error {
				var all map[string]any
				_, _ = claims.Roles(), claims.Audience()
				return claims.Decode(&all)
			}
		},
		"many audiences": func(c *bearer.Config) { c.Audience = append(names("https://api%d.example", manyNames), audience) },
		"cache":          func(c *bearer.Config) { c.CacheSize = 0 },
	} {
		issuer := newGrowthIssuer(t, adjust)
		for _, field := range []string{
			"plain claim", "claims: many members with escapes", "claims: matching aud", "claims: matching aud with escapes",
			"claims: aud", "claims: aud with escapes", "claims: deep objects", "claims: long number", "claims: roles, objects", "claims: scp with escapes",
		} {
			for kind, kid := range growthKids {
				growth.Check(t, name+": "+field+"/"+kind, leastField, func(size int) func() {
					return issuer.request(issuer.growing(t, fieldOf(t, field), kid, size))
				})
			}
		}
	}
}

// The cost grows with the token plus the configuration, and not with the token times the
// configuration. So both are doubled together.
func TestGrowthWithConfiguration(t *testing.T) {
	for name, row := range map[string]struct {
		field  string
		adjust func(c *bearer.Config, n int)
	}{
		"Audience":              {"claims: aud", func(c *bearer.Config, n int) { c.Audience = names("https://api%d.example", n) }},
		"Audience, escapes":     {"claims: aud with escapes", func(c *bearer.Config, n int) { c.Audience = names("https://api%d.example", n) }},
		"Audience, similar":     {"claims: aud", func(c *bearer.Config, n int) { c.Audience = names("b%d", n) }},
		"Audience, one text":    {"claims: aud, one long text", func(c *bearer.Config, n int) { c.Audience = names(strings.Repeat("a", 100)+"%d", n) }},
		"Audience, other claim": {"claims: roles", func(c *bearer.Config, n int) { c.Profile.Audience = []string{"roles"}; c.Audience = names("b%d", n) }},
		"Hierarchy":             {"claims: scp", func(c *bearer.Config, n int) { c.Hierarchy = scopes.Hierarchy{"s0": names("t%d", n)} }},
	} {
		for kind, kid := range growthKids {
			growth.Check(t, name+"/"+kind, leastField, func(size int) func() {
				issuer := newGrowthIssuer(t, func(c *bearer.Config) { row.adjust(c, size/4) })
				return issuer.request(issuer.growing(t, fieldOf(t, row.field), kid, size))
			})
		}
	}
}

// growingIssuers returns Issuers with n issuers. The function configure changes the
// configuration of the issuer with the number i.
func growingIssuers(t *testing.T, g *growthIssuer, n int, configure func(c *bearer.Config, i int)) *bearer.Issuers {
	t.Helper()
	s := new(bearer.Issuers)
	t.Cleanup(func() { _ = s.Close() })
	configs := make([]bearer.Config, n)
	for i := range configs {
		configs[i] = g.config
		configs[i].Hierarchy = nil
		configure(&configs[i], i)
	}
	if err := s.Add(configs...); err != nil {
		t.Fatal(err)
	}
	return s
}

// A token does not cost more if there are many issuers or many tenants, whatever its claims
// are.
func TestGrowthWithIssuers(t *testing.T) {
	g := newGrowthIssuer(t, nil)
	tenants := func(c *bearer.Config, i int) {
		c.Issuer, c.InsecureAnyTenant = fmt.Sprintf("https://login%d.example/{tenantid}/v2.0", i), true
	}
	for name, row := range map[string]struct {
		configure func(c *bearer.Config, i int)
		fields    []string
	}{
		"issuers": {func(c *bearer.Config, i int) { c.Issuer = fmt.Sprintf("https://issuer%d.example", i) }, []string{"plain claim", "claims: iss"}},
		"tenants": {tenants, []string{"plain claim", "claims: many members with escapes", "claims: tid", "claims: tid with escapes"}},
		"aliases": {func(c *bearer.Config, i int) {
			c.Issuer = fmt.Sprintf("https://issuer%d.example", i)
			c.Profile.Aliases = []string{c.Issuer, c.Issuer + "/"}
		}, []string{"plain claim"}},
	} {
		for _, field := range row.fields {
			growth.Check(t, name+": "+field, leastField, func(size int) func() {
				return g.requestTo(growingIssuers(t, g, size/16, row.configure), g.growing(t, fieldOf(t, field), "b", size))
			})
		}
	}
	growth.Check(t, "Issuers.Add", 50, func(n int) func() {
		return func() {
			growingIssuers(t, g, n, func(c *bearer.Config, i int) { c.Issuer = fmt.Sprintf("https://issuer%d.example", i) })
		}
	})
}
