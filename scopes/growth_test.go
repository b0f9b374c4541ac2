//go:build !race

package scopes_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/internal/growth"
	"github.com/bearerkit/bearer/scopes"
)

// manyScopes returns n different scopes.
func manyScopes(format string, n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf(format, i)
	}
	return names
}

// manyRules returns n rules.
func manyRules(n int, rule func(i int) scopes.Rule) []scopes.Rule {
	rules := make([]scopes.Rule, n)
	for i := range rules {
		rules[i] = rule(i)
	}
	return rules
}

// nested returns a rule that calls wrap n times.
func nested(n int, wrap func(i int, inner scopes.Rule) scopes.Rule) scopes.Rule {
	rule := scopes.All("s")
	for i := range n {
		rule = wrap(i, rule)
	}
	return rule
}

// The cost of a rule grows no faster than the rule, for a token that meets it and for a token
// that does not.
func TestGrowthOfRules(t *testing.T) {
	failing := func(i int) scopes.Rule {
		return scopes.Func(fmt.Sprint("function ", i), func(context.Context) error { return errors.New("denied") })
	}
	one := func(i int) scopes.Rule { return scopes.All(fmt.Sprint("s", i)) }
	for name, make := range map[string]func(n int) scopes.Rule{
		"All":        func(n int) scopes.Rule { return scopes.All(manyScopes("s%d", n)...) },
		"Any":        func(n int) scopes.Rule { return scopes.Any(manyScopes("s%d", n)...) },
		"And":        func(n int) scopes.Rule { return scopes.And(manyRules(n, one)...) },
		"Or":         func(n int) scopes.Rule { return scopes.Or(manyRules(n, one)...) },
		"functions":  func(n int) scopes.Rule { return scopes.And(manyRules(n, failing)...) },
		"Or of func": func(n int) scopes.Rule { return scopes.Or(manyRules(n, failing)...) },
		"mixed":      func(n int) scopes.Rule { return scopes.And(append(manyRules(n, one), failing(0))...) },
		"nested And": func(n int) scopes.Rule {
			return nested(n, func(i int, inner scopes.Rule) scopes.Rule { return scopes.And(one(i), inner) })
		},
		"nested Or": func(n int) scopes.Rule {
			return nested(n, func(i int, inner scopes.Rule) scopes.Rule { return scopes.Or(inner, one(i)) })
		},
		"nested functions": func(n int) scopes.Rule {
			return nested(n, func(i int, inner scopes.Rule) scopes.Rule { return scopes.And(failing(i), inner) })
		},
		"repeated names": func(n int) scopes.Rule {
			return scopes.And(manyRules(n, func(int) scopes.Rule { return scopes.All("s") })...)
		},
	} {
		for kind, granted := range map[string]func(n int) []string{
			"granted": func(n int) []string { return append(manyScopes("s%d", n), "s") },
			"half":    func(n int) []string { return manyScopes("s%d", n/2) },
			"other":   func(n int) []string { return manyScopes("t%d", n) },
			"none":    func(int) []string { return nil },
		} {
			growth.Check(t, name+", "+kind, 200, func(n int) func() {
				rule := make(n)
				set, err := scopes.Of(granted(n)...)
				if err = errors.Join(err, rule.Err()); err != nil {
					t.Fatal(err)
				}
				return func() {
					if err := rule.Allow(context.Background(), set); err != nil {
						_ = err.Error()
					}
				}
			})
		}
		growth.Check(t, name+", Scopes", 64, func(n int) func() {
			rule := make(n)
			return func() { rule.Scopes() }
		})
		growth.Check(t, name+", String", 64, func(n int) func() {
			rule := make(n)
			return func() { _ = rule.String() }
		})
	}
}

// The cost of a denial grows no faster than the rule and the hierarchy, whether the alternatives
// are compared exactly or not. The first denial makes a plan, so the cost includes a new rule.
func TestGrowthOfDenials(t *testing.T) {
	chain := func(n int) scopes.Hierarchy {
		h := scopes.Hierarchy{}
		for i := range n {
			h[fmt.Sprint("s", i)] = []string{fmt.Sprint("s", i+1)}
		}
		return h
	}
	backward := func(n int) scopes.Hierarchy {
		h := scopes.Hierarchy{}
		for i := range n {
			h[fmt.Sprint("s", i+1)] = []string{fmt.Sprint("s", i)}
		}
		return h
	}
	wide := func(n int) scopes.Hierarchy { return scopes.Hierarchy{"s0": manyScopes("s%d", n)} }
	pair := func(i int) scopes.Rule { return scopes.Any(fmt.Sprint("s", i), fmt.Sprint("t", i)) }
	names := func(n int) scopes.Rule { return scopes.All(manyScopes("s%d", n)...) }
	for name, rule := range map[string]func(n int) scopes.Rule{
		"All":         names,
		"Any":         func(n int) scopes.Rule { return scopes.Any(manyScopes("s%d", n)...) },
		"pairs":       func(n int) scopes.Rule { return scopes.And(manyRules(n, pair)...) },
		"4 large":     func(n int) scopes.Rule { return scopes.And(scopes.Any("a", "b"), scopes.Any("c", "d"), names(n)) },
		"64 large":    func(n int) scopes.Rule { return scopes.And(names(n), scopes.Any(manyScopes("a%d", 64)...)) },
		"large of Or": func(n int) scopes.Rule { return scopes.Or(names(n), scopes.All(manyScopes("t%d", n)...)) },
		"alternating": func(n int) scopes.Rule {
			return nested(n, func(i int, inner scopes.Rule) scopes.Rule {
				return scopes.Or(scopes.All(fmt.Sprint("s", i)), scopes.And(scopes.All(fmt.Sprint("t", i)), inner))
			})
		},
		"equal tuples": func(n int) scopes.Rule {
			return scopes.And(manyRules(n, func(int) scopes.Rule { return scopes.Any("a", "b") })...)
		},
	} {
		for kind, hierarchy := range map[string]func(n int) scopes.Hierarchy{"chain": chain, "backward": backward, "wide": wide} {
			growth.Check(t, name+", "+kind, 100, func(n int) func() {
				set, err := scopes.Of("other")
				if err != nil {
					t.Fatal(err)
				}
				set, made := hierarchy(n).Expand(set), rule(n)
				return func() {
					if made.Allow(context.Background(), set) == nil {
						t.Fatal("got no denial, want one")
					}
				}
			})
		}
	}
}

// Parsing takes time in proportion to the text.
func TestGrowthOfScopes(t *testing.T) {
	for name, text := range map[string]func(n int) string{
		"names":         func(n int) string { return strings.Join(manyScopes("s%d", n/6), " ") },
		"one name":      func(n int) string { return strings.Repeat("s", n) },
		"repeated name": func(n int) string { return strings.Repeat("s ", n/2) + "s" },
		"spaces":        func(n int) string { return strings.Repeat(" ", n) },
		"error at end":  func(n int) string { return strings.Repeat("s ", n/2) + "\"" },
		"similar names": func(n int) string { return strings.Join(manyScopes(strings.Repeat("s", 50)+"%d", n/56), " ") },
	} {
		growth.Check(t, name, 700, func(n int) func() {
			s := text(n)
			return func() { _, _ = scopes.Parse(s) }
		})
	}
}

// The cost of Has for a token with wildcards grows no faster than the name, and the cost of a rule
// grows no faster than the rule and the token.
func TestGrowthOfWildcards(t *testing.T) {
	granted := setOf(t, "read:*", "a.*", "::*", "read:a:*").WithWildcards()
	for name, text := range map[string]string{"separators": ":", "mixed separators": ":a./b", "segments": "a:b.", "letters": "a", "slashes": "/x"} {
		growth.Check(t, name, 700, func(n int) func() {
			scope := strings.Repeat(text, n/len(text)) + "x"
			return func() { granted.Has(scope) }
		})
	}
	growth.Check(t, "wildcards", 200, func(n int) func() {
		set, err := scopes.Of(manyScopes("s%d:*", n)...)
		if err != nil {
			t.Fatal(err)
		}
		rule := scopes.And(scopes.All(manyScopes("s%d:x:y", n)...), scopes.Any(append(manyScopes("t%d:x", n), "s0:x")...))
		return func() {
			if err := rule.Allow(context.Background(), set.WithWildcards()); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// growingRequests returns the parts of a request that a client chooses. A server accepts a target
// and a host of up to 1 MiB.
func growingRequests() map[string]func(n int) *http.Request {
	path := func(text func(n int) string) func(n int) *http.Request {
		return func(n int) *http.Request {
			target := text(n)
			u, err := url.ParseRequestURI(target)
			if err != nil {
				u = &url.URL{Path: target}
			}
			return &http.Request{Method: http.MethodGet, Host: "api.example", URL: u}
		}
	}
	repeat := func(prefix, text, suffix string) func(n int) *http.Request {
		return path(func(n int) string { return prefix + strings.Repeat(text, n/len(text)) + suffix })
	}
	return map[string]func(n int) *http.Request{
		"long element":          repeat("/files/", "a", ""),
		"long escaped element":  repeat("/files/", "%61", ""),
		"escaped percent signs": repeat("/files/", "%25", ""),
		"escaped three times":   repeat("/files/", "%252561", ""),
		"escaped four times":    repeat("/files/", "%25252561", ""),
		"invalid escapes":       repeat("/files/", "%zz", ""),
		"escaped slashes":       repeat("/files/", "a%2f", ""),
		"elements":              repeat("/files", "/a", ""),
		"elements of literals":  repeat("", "/files", ""),
		"slashes":               repeat("", "/", ""),
		"dots":                  repeat("/files/", "../", ""),
		"parameters":            repeat("/files/", "a;b/", ""),
		"many parameters":       repeat("/files/", "a;", ""),
		"escaped parameters":    repeat("/files/", "a%3bb/", ""),
		"escaped question mark": repeat("/files/", "a%3f", ""),
		"not ASCII":             repeat("/files/", "%c3%a9", ""),
		"wide characters":       repeat("/files/", "%ef%bc%8f", ""),
		"upper case":            repeat("/files/", "A", ""),
		"suffixes":              repeat("/files/", ".a", ""),
		"backslashes at end":    repeat("/files/", "a", `%5c`),
		"method": func(n int) *http.Request {
			return &http.Request{Method: strings.Repeat("M", n), URL: &url.URL{Path: "/files/a"}}
		},
		"host": func(n int) *http.Request {
			return &http.Request{Method: http.MethodGet, Host: strings.Repeat("a.", n/2) + "example", URL: &url.URL{Path: "/files/a"}}
		},
		"host with escapes": func(n int) *http.Request {
			return &http.Request{Method: http.MethodGet, Host: strings.Repeat("%2561", n/5), URL: &url.URL{Path: "/files/a"}}
		},
		"host with colons": func(n int) *http.Request {
			return &http.Request{Method: http.MethodGet, Host: strings.Repeat(":", n), URL: &url.URL{Path: "/files/a"}}
		},
		"host with brackets": func(n int) *http.Request {
			return &http.Request{Method: http.MethodGet, Host: "[" + strings.Repeat("::", n/2) + "]", URL: &url.URL{Path: "/files/a"}}
		},
		"query": func(n int) *http.Request {
			return &http.Request{Method: http.MethodGet, URL: &url.URL{Path: "/files/a", RawQuery: strings.Repeat("a=b&", n/4)}}
		},
		"RawPath is no encoding": func(n int) *http.Request {
			return &http.Request{Method: http.MethodGet, URL: &url.URL{Path: "/files/" + strings.Repeat("a", n), RawPath: "/files/" + strings.Repeat("b", n)}}
		},
	}
}

// growingTable returns a table with n patterns for the requests of growingRequests.
func growingTable(n int, strict bool) *scopes.Table {
	t := &scopes.Table{StrictSegments: strict}
	t.Handle("GET /files/{path...}", scopes.All("files"))
	t.Handle("/files", scopes.All("files"))
	t.Handle("GET api.example/files/{id}", scopes.All("files"))
	for i := range n {
		t.Handle(fmt.Sprintf("GET /files/Name%d", i), scopes.All("files"))
		t.Handle(fmt.Sprintf("POST /r%d/{id}/b", i), scopes.All("files"))
	}
	return t
}

// To find the rule of a request takes time in proportion to the request.
func TestGrowthOfRequests(t *testing.T) {
	for _, strict := range []bool{false, true} {
		table := growingTable(8, strict)
		for name, request := range growingRequests() {
			for _, least := range []int{256, 16 << 10} { // a path of more than 8 KiB has one reading
				if strict && least > 256 {
					continue // the table refuses the path before it makes the readings
				}
				growth.Check(t, fmt.Sprintf("%s, strict %v", name, strict), least, func(n int) func() {
					r := request(n)
					return func() { table.Rule(r) }
				})
			}
		}
	}
}

// To find the rule of a request takes no more time if there are many routes.
func TestGrowthOfRoutes(t *testing.T) {
	for _, strict := range []bool{false, true} {
		for _, path := range []string{"/files/a", "/files/Name7", "/none", "/r7/a/b", "/files/a%3bb", "/files/Name7.json"} {
			growth.Check(t, fmt.Sprintf("%s, strict %v", path, strict), 25, func(n int) func() {
				table := growingTable(n, strict)
				u, err := url.ParseRequestURI(path)
				if err != nil {
					t.Fatal(err)
				}
				r := &http.Request{Method: http.MethodGet, URL: u}
				return func() { table.Rule(r) }
			})
		}
	}
	growth.Check(t, "Handle", 25, func(n int) func() { return func() { growingTable(n, true) } })
	growth.Check(t, "Routes", 25, func(n int) func() {
		routes := make(scopes.Routes)
		for i := range n {
			routes[fmt.Sprintf("GET /r%d", i)] = scopes.All("s")
		}
		return func() { routes.Rule("GET", "/none") }
	})
	growth.Check(t, "length of a pattern", 700, func(n int) func() {
		pattern := "/" + strings.Repeat("a", n)
		return func() { scopes.Routes{}.Rule("HEAD", pattern) }
	})
	growth.Check(t, "length of a method name", 700, func(n int) func() {
		name := "/test.v1." + strings.Repeat("a", n) + "/" + strings.Repeat("b", n)
		methods := scopes.Methods{"/test.v1.Echo/*": scopes.All("s")}
		return func() { methods.Rule(name) }
	})
}
