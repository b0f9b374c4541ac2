//go:build !race

package middleware_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/growth"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// growingParts changes one part of a request. The argument n is the size of this part in bytes.
func growingParts() map[string]func(r *http.Request, n int) {
	repeated := func(name, text string) func(r *http.Request, n int) {
		return func(r *http.Request, n int) { r.Header.Set(name, strings.Repeat(text, n/len(text))) }
	}
	values := func(name, value string) func(r *http.Request, n int) {
		return func(r *http.Request, n int) { r.Header[name] = slices.Repeat([]string{value}, n/len(value)) }
	}
	names := func(format string) func(r *http.Request, n int) {
		return func(r *http.Request, n int) {
			for i := range n / len(format) {
				r.Header[fmt.Sprintf(format, i)] = []string{"x"}
			}
		}
	}
	return map[string]func(r *http.Request, n int){
		"Authorization values":             values("Authorization", "Bearer a.b.c"),
		"authorization in lower case":      values("authorization", "Bearer a.b.c"),
		"long Authorization":               repeated("Authorization", "Bearer a,"),
		"Cookie":                           repeated("Cookie", "a=b; "),
		"Cookie values":                    values("Cookie", "a=b"),
		"field names":                      names("X-Field-%d"),
		"field names with underscores":     names("x_original_url_%d"),
		"names of the length of overrides": names("X-Original-Ur%d"),
		"spellings of an override": func(r *http.Request, n int) {
			for i := range n / 14 {
				r.Header["X"+string(rune('!'+i%14))+"Original"+string(rune('!'+i/14%14))+"Url"] = []string{"/"}
			}
		},
		"long field name":      func(r *http.Request, n int) { r.Header["X-"+strings.Repeat("a", n)] = []string{"x"} },
		"caller header":        values("X-Subject", "somebody"),
		"Connection":           repeated("Connection", "x-subject, "),
		"Connection of commas": repeated("Connection", ","),
		"Connection of commas and a name": func(r *http.Request, n int) {
			r.Header.Set("Connection", strings.Repeat(",", n)+"X-Subject")
		},
		"Upgrade":                        values("Upgrade", "websocket"),
		"Sec-WebSocket-Protocol":         repeated("Sec-WebSocket-Protocol", "a, "),
		"Accept":                         repeated("Accept", "application/problem+json;q=0.1,"),
		"Accept with parameters":         repeated("Accept", "application/json;a=b;"),
		"Accept with a long weight":      func(r *http.Request, n int) { r.Header.Set("Accept", "application/json;q=0."+strings.Repeat("1", n)) },
		"Accept values":                  values("Accept", "application/json"),
		"Origin":                         repeated("Origin", "https://a."),
		"Access-Control-Request-Headers": repeated("Access-Control-Request-Headers", "authorization,"),
		"Access-Control-Request-Method":  repeated("Access-Control-Request-Method", "A"),
		"X-Forwarded-For":                repeated("X-Forwarded-For", "127.0.0.1, "),
		"X-Forwarded-Host":               repeated("X-Forwarded-Host", "a."),
		"X-Forwarded-Host, colons":       repeated("X-Forwarded-Host", ":"),
		"X-Forwarded-Host, brackets":     repeated("X-Forwarded-Host", "[a]"),
		"X-Forwarded-Uri":                repeated("X-Forwarded-Uri", "/a"),
		"X-Forwarded-Uri, escapes":       repeated("X-Forwarded-Uri", "/%2561"),
		"X-Forwarded-Uri, query":         repeated("X-Forwarded-Uri", "/?a=b"),
		"X-Forwarded-Method":             repeated("X-Forwarded-Method", "A"),
		"X-Original-Uri":                 repeated("X-Original-Uri", "/a"),
		"X-Original-Url":                 repeated("X-Original-Url", "https://a.example/"),
		"X-Original-Url, host":           func(r *http.Request, n int) { r.Header.Set("X-Original-Url", "https://"+strings.Repeat("a.", n/2)+"/") },
		"X-Original-Url values":          values("X-Original-Url", "https://a.example/"),
		"path":                           func(r *http.Request, n int) { r.URL.Path = "/files/" + strings.Repeat("a", n) },
		"path elements":                  func(r *http.Request, n int) { r.URL.Path = "/files" + strings.Repeat("/a", n/2) },
		"path with blanks":               func(r *http.Request, n int) { r.URL.Path = "/files/" + strings.Repeat("a b", n/3) },
		"unclean path":                   func(r *http.Request, n int) { r.URL.Path = "/files/" + strings.Repeat("../", n/3) },
		"path with escapes": func(r *http.Request, n int) {
			r.URL, _ = url.ParseRequestURI("/files/" + strings.Repeat("%2561", n/5))
		},
		"query":  func(r *http.Request, n int) { r.URL.RawQuery = strings.Repeat("access_token=a&", n/15) },
		"host":   func(r *http.Request, n int) { r.Host = strings.Repeat("a.", n/2) + "example" },
		"method": func(r *http.Request, n int) { r.Method = strings.Repeat("A", n) },
		"trailer": func(r *http.Request, n int) {
			r.Trailer = make(http.Header)
			for i := range n / 10 {
				r.Trailer[fmt.Sprintf("X-Field-%d", i)] = nil
			}
		},
	}
}

// growingGuards returns handlers of guards that do as much as possible for each request.
func growingGuards(t *testing.T, v bearer.Verifier) map[string]http.Handler {
	t.Helper()
	options := func(dialect string, refuse bool) *middleware.Guard {
		guard, err := middleware.New(v, &middleware.Options{
			AllowPreflight: true, RefuseOverrides: refuse, RemoveAuthorization: true, ExposeChallenge: true, Dialect: dialect,
			Resource:  "https://api.example/files",
			Headers:   map[string]func(*bearer.Claims) string{"X-Subject": (*bearer.Claims).Subject, "X-Client": (*bearer.Claims).ClientID},
			WebSocket: []string{"GET /files/{path...}"}, Logger: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		return guard
	}
	table := new(scopes.Table)
	table.Handle("/files/{path...}", scopes.Optional(scopes.All("files")))
	table.Handle("GET api.example/none/{id}", scopes.All("files"))
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	guard := options("", false)
	proxy := guard.Proxy(&url.URL{Scheme: "http", Host: "target.example"})
	proxy.Transport, proxy.ErrorLog = answerNothing{}, slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	match := func(r *http.Request) string { return strings.TrimRight(r.URL.Path[:min(len(r.URL.Path), 6)], "/") }
	return map[string]http.Handler{
		"Enforce":              guard.Enforce(table)(ok),
		"Enforce and refuse":   options("", true).Enforce(table)(ok),
		"Require":              guard.Require(scopes.Optional(scopes.All("files")))(ok),
		"EnforceRoutes":        guard.EnforceRoutes(scopes.Routes{"/files": scopes.Optional(scopes.All("files"))}, match)(ok),
		"Proxy":                guard.Enforce(table)(proxy),
		"ForwardAuth of nginx": guard.ForwardAuth(table),
		"ForwardAuth of Caddy": options("caddy", true).ForwardAuth(table),
		"ForwardAuth, ingress": options("ingress-nginx", false).ForwardAuth(table),
		"ForwardAuth of Envoy": options("envoy", true).ForwardAuth(table),
		"metadata":             metadataOf(options("", false)),
		"ForwardAuth without":  guard.ForwardAuth(nil),
	}
}

func metadataOf(guard *middleware.Guard) http.Handler {
	_, h := guard.Metadata()
	return h
}

// answerNothing is a server behind a proxy.
type answerNothing struct{}

func (answerNothing) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusNoContent, Header: http.Header{}, Body: http.NoBody}, nil
}

// nowhere is a response writer that keeps nothing.
type nowhere struct{ header http.Header }

func (w *nowhere) Header() http.Header         { return w.header }
func (w *nowhere) WriteHeader(int)             {}
func (w *nowhere) Write(p []byte) (int, error) { return len(p), nil }

var _ io.Writer = (*nowhere)(nil)

// Each part of a request costs time and memory in proportion to its size. Each measurement is the
// sum of several handlers, because a part that costs too much in one handler dominates the sum.
func TestGrowthOfRequests(t *testing.T) {
	v := testkit.NewVerifier(t, testkit.NewIssuer(t, "EdDSA"), func(c *bearer.Config) { c.Audience = append(c.Audience, "https://api.example/files") })
	var guards, forward []http.Handler
	for name, handler := range growingGuards(t, v) {
		if strings.HasPrefix(name, "ForwardAuth") {
			forward = append(forward, handler)
		} else {
			guards = append(guards, handler)
		}
	}
	for name, handlers := range map[string][]http.Handler{"guards": guards, "forward auth": forward} {
		for part, change := range growingParts() {
			growth.Check(t, name+": "+part, 1000, func(n int) func() {
				r := httptest.NewRequest(http.MethodGet, "https://api.example/files/a", http.NoBody)
				r.Header.Set("X-Original-Method", "GET")
				r.Header.Set("X-Original-Url", "https://api.example/files/a")
				r.Header.Set("X-Forwarded-Method", "GET")
				r.Header.Set("X-Forwarded-Uri", "/files/a")
				r.Header.Set("X-Forwarded-Host", "api.example")
				change(r, n)
				return func() {
					for _, handler := range handlers {
						handler.ServeHTTP(&nowhere{header: http.Header{}}, r)
					}
				}
			})
		}
	}
}

// The answer to a refused request costs time and memory in proportion to the scopes of the rule,
// and a request does not cost more if there are many routes.
func TestGrowthOfRules(t *testing.T) {
	issuer := testkit.NewIssuer(t, "EdDSA")
	v := testkit.NewVerifier(t, issuer, func(c *bearer.Config) { c.Audience = append(c.Audience, "https://api.example/files") })
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	for name, authorization := range map[string]string{"other scope": "Bearer " + issuer.Token(map[string]any{"scope": "other"}), "no token": "", "invalid token": "Bearer a.b.c"} {
		for part, declare := range map[string]func(t *scopes.Table, n int){
			"scopes": func(t *scopes.Table, n int) {
				names := make([]string, n)
				for i := range names {
					names[i] = fmt.Sprint("scope", i)
				}
				t.Handle("GET /files/a", scopes.All(names...))
			},
			"routes": func(t *scopes.Table, n int) {
				t.Handle("GET /files/a", scopes.All("files"))
				for i := range n {
					t.Handle(fmt.Sprintf("GET /files/%d/{id}", i), scopes.All("files"))
				}
			},
		} {
			growth.Check(t, part+", "+name, 50, func(n int) func() {
				guard, err := middleware.New(v, &middleware.Options{Resource: "https://api.example/files"})
				if err != nil {
					t.Fatal(err)
				}
				table := new(scopes.Table)
				declare(table, n)
				handler := guard.Enforce(table)(ok)
				r := httptest.NewRequest(http.MethodGet, "https://api.example/files/a", http.NoBody)
				r.Header.Set("Authorization", authorization)
				return func() { handler.ServeHTTP(&nowhere{header: http.Header{}}, r) }
			})
		}
	}
}
