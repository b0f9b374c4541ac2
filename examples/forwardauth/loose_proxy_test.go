package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/testkit/spellings"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

var (
	looseRequests = flag.Int("requests", 2000, "number of generated requests for each proxy in front of a loose service")
	looseSeed     = flag.Uint64("seed", 1, "seed of the generator")
)

// newLooseSetting returns a loose service with a handler that decides for a proxy, the guard,
// and its rules. A token is a list of scopes with full stops in between.
func newLooseSetting(t *testing.T, dialect string) (*setting, *middleware.Guard, *scopes.Table) {
	t.Helper()
	claims := map[string]*bearer.Claims{}
	for _, token := range looseTokens {
		if token != "" {
			claims[token] = bearertest.Claims(map[string]any{"sub": "s", "client_id": "c", "scope": strings.ReplaceAll(token, ".", " ")})
		}
	}
	opts := options(dialect)
	opts.Logger = slog.New(slog.DiscardHandler)
	guard, err := middleware.New(bearer.VerifierFunc(func(_ context.Context, token string) (*bearer.Claims, error) {
		if c, ok := claims[token]; ok {
			return c, nil
		}
		return nil, bearer.Malformed
	}), opts)
	if err != nil {
		t.Fatal(err)
	}
	table := &scopes.Table{StrictSegments: true}
	for _, r := range looseResources {
		if r.scope == "" {
			table.Handle(r.pattern, scopes.Public())
		} else {
			table.Handle(r.pattern, scopes.All(r.scope))
		}
	}
	auth, service := httptest.NewServer(guard.ForwardAuth(table)), httptest.NewServer(newLooseService())
	t.Cleanup(auth.Close)
	t.Cleanup(service.Close)
	return &setting{auth: auth.Listener.Addr().String(), service: service.Listener.Addr().String()}, guard, table
}

// looseTokens are the tokens of the callers. The empty token stands for a caller without a
// token.
var looseTokens = []string{"", "", "", "none", "read", "write", "read.write", "admin", "admin.read"}

// mayHave reports whether a caller may have what the service has served.
func mayHave(token, pattern string) bool {
	i := slices.IndexFunc(looseResources, func(r looseResource) bool { return r.pattern == pattern })
	return i >= 0 && (looseResources[i].scope == "" || slices.Contains(strings.Split(token, "."), looseResources[i].scope))
}

func TestLooseServiceBehindNginx(t *testing.T)        { searchBehind(t, nginx) }
func TestLooseServiceBehindIngressNginx(t *testing.T) { searchBehind(t, ingressNginx) }
func TestLooseServiceBehindCaddy(t *testing.T)        { searchBehind(t, caddy) }
func TestLooseServiceBehindHAProxy(t *testing.T)      { searchBehind(t, haproxy) }

// searchBehind searches behind a proxy with its shipped configuration.
func searchBehind(t *testing.T, p proxy) {
	t.Helper()
	s, _, _ := newLooseSetting(t, p.dialect)
	searchLoose(t, p, p.start(t, s))
}

// TestLooseServiceWithWebSocket tests that a handshake reaches the service only if the path
// belongs to the route of the configurations for WebSocket in every reading.
func TestLooseServiceWithWebSocket(t *testing.T) {
	for _, p := range withWebSocket(t) {
		t.Run(p.name, func(t *testing.T) {
			s, _, _ := newLooseSetting(t, p.dialect)
			searchLoose(t, p, p.start(t, s), "Connection: Upgrade\r\nUpgrade: websocket", "connection: close, upgrade\r\nupgrade: WebSocket")
		})
	}
}

func TestLooseServiceBehindProxy(t *testing.T) {
	s, guard, table := newLooseSetting(t, "")
	target := &url.URL{Scheme: "http", Host: s.service}
	front := guard.Proxy(target)
	rewrite := front.Rewrite
	front.Rewrite = func(pr *httputil.ProxyRequest) {
		rewrite(pr)
		pr.Out.Host = pr.In.Host // the table has a pattern with a host, so the service must get the same host
	}
	front.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server := httptest.NewServer(guard.Enforce(table)(front))
	t.Cleanup(server.Close)
	searchLoose(t, proxy{}, server.Listener.Addr().String())
}

// TestLooseServiceAlone tests that the search can fail: without a guard, it must find every
// protected resource, a forged identity and a switched connection.
func TestLooseServiceAlone(t *testing.T) {
	server := httptest.NewServer(newLooseService())
	t.Cleanup(server.Close)
	found := map[string]bool{}
	for _, f := range generateLoose(t, proxy{}, server.Listener.Addr().String(), 3000, nil) {
		found[f.pattern] = true
	}
	for _, r := range looseResources {
		if r.scope != "" && !found[r.pattern] {
			t.Errorf("got no finding for %q, want one", r.pattern)
		}
	}
	if !found["identity"] || !found["tunnel"] || !found["websocket"] {
		t.Errorf("got findings for %v, want also identity, tunnel and websocket", found)
	}
}

// searchLoose sends generated requests and honest requests to a proxy. If the service serves
// a resource in one of its readings, the caller must have the scope of this resource. If
// there are more fields, half of the requests contain one of these.
func searchLoose(t *testing.T, p proxy, front string, more ...string) {
	t.Helper()
	honestLoose(t, front)
	seen := map[string]bool{}
	for _, f := range generateLoose(t, p, front, *looseRequests, more) {
		name, _, _ := strings.Cut(f.reading, ":")
		if key := f.pattern + name; !seen[key] && len(seen) < 12 {
			seen[key] = true
			f = f.shrink(t, front)
			t.Errorf("%q reached %q by the reading %q, want a refusal", f.raw(), f.pattern, f.reading)
		}
	}
}

// A looseFinding is a request that got a resource that the caller may not have.
type looseFinding struct {
	request          spellings.Request
	token            string
	pattern, reading string
}

// raw returns the bytes of the request.
func (f looseFinding) raw() string {
	more := []string{"Connection: close"}
	if f.token != "" {
		more = append(more, "Authorization: Bearer "+f.token)
	}
	return f.request.Raw(more...)
}

// send sends the request to a proxy, and returns what the service has served.
func (f looseFinding) send(front string) (served []string, err error) {
	return sendLoose(front, f.raw(), f.request.Method)
}

// judge reports whether the service has served a resource that the caller may not have. It
// sets pattern and reading of the first such resource.
func (f *looseFinding) judge(served []string) bool {
	for _, value := range served {
		f.pattern, f.reading, _ = strings.Cut(value, "\t")
		if !mayHave(f.token, f.pattern) {
			return true
		}
	}
	return false
}

// generateLoose sends n generated requests over several connections at the same time.
func generateLoose(t *testing.T, p proxy, front string, n int, more []string) []looseFinding {
	t.Helper()
	const workers = uint64(4)
	var (
		mu     sync.Mutex // guards the variables below
		found  []looseFinding
		served int
		wg     sync.WaitGroup
	)
	for worker := range workers {
		wg.Go(func() {
			next := looseGenerator(*looseSeed, worker, more, p.crashesOnExpect())
			for range n / int(workers) {
				f := next()
				all, err := f.send(front)
				mu.Lock()
				if err != nil {
					t.Errorf("%q: got error %v, want a response", f.raw(), err)
				}
				if len(all) > 0 {
					served++
				}
				if f.judge(all) {
					found = append(found, f)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	t.Logf("%d of %d requests reached the service", served, n)
	if served < n/20 {
		t.Errorf("%d of %d requests reached the service, want at least 5 percent", served, n)
	}
	return found
}

// loosePrefixes make an absolute form of a target that begins with a slash. Two programs may
// read the authority differently.
var loosePrefixes = []string{
	"http://h", "HTTP://h", "https://h", "ftp://h", "x:", "http://admin.example", "http://h@h", "http://u:p@h", "http://h?@h", "http://h#@h", `http://h\@h`, `http://h\admin?@h`, `http://h\admin\@h`,
	"http://admin.example?@h", "http://admin.example#@h", `http://admin.example\@h`, "http://admin.example:80@h", "http://h/admin?@h", "http://h/admin#@h", "http:///", "http:",
}

// looseGenerator returns a function that generates requests. If there are more fields, half
// of the requests contain one of these. If noExpect is true, no request contains an Expect field.
func looseGenerator(seed, stream uint64, more []string, noExpect bool) func() looseFinding {
	var routes []spellings.Route
	for _, r := range looseResources {
		method, path, found := strings.Cut(r.pattern, " ")
		if !found {
			method, path = "", r.pattern
		}
		routes = append(routes, spellings.Route{Method: method, Path: path[strings.IndexByte(path, '/'):]})
	}
	g := spellings.New(seed, stream, routes)
	g.Token, g.Weak = "admin.read", "none"
	g.Hosts = []string{"admin.example.", "admin.example..", "ADMIN.example", "admin%2eexample", "admin.example:80", "admin.example%2e", "admin.example%20", "h, admin.example"}
	for _, name := range []string{"X-Subject", "X_Subject", "x-subject", "X.Subject", "X-Client", "X_CLIENT", "X-Scope", "X_Scope", "X~Subject"} {
		g.Fields = append(g.Fields, name+": forged", name+": forged\r\nConnection: "+name)
	}
	for _, name := range []string{"X-Original-URL", "X-Rewrite-URL", "X_Original_URL", "X.Rewrite.URL", "X-Forwarded-Prefix", "X-Forwarded-Path", "X-Original-Path"} {
		g.Fields = append(g.Fields, name+": /admin", name+": /admin\r\nConnection: "+name)
	}
	for _, name := range []string{"X-HTTP-Method-Override", "X_HTTP_Method_Override", "X-Method-Override", "X-HTTP-Method", "X.HTTP.Method.Override"} {
		g.Fields = append(g.Fields, name+": DELETE", name+": delete\r\nConnection: close, "+name)
	}
	for _, name := range []string{"X-Forwarded-Host", "X-Host", "X_Host", "X-Original-Host", "X-Host-Override"} {
		g.Fields = append(g.Fields, name+": admin.example")
	}
	return func() looseFinding {
		r, token := g.Next(), looseTokens[g.IntN(len(looseTokens))]
		if len(more) > 0 && g.IntN(2) == 0 {
			r.Fields = append(r.Fields, more[g.IntN(len(more))])
		}
		if noExpect {
			r.Fields = slices.DeleteFunc(r.Fields, func(line string) bool { return strings.HasPrefix(line, "Expect:") })
		}
		if i := g.IntN(300); i < len(loosePrefixes) && r.Method != http.MethodConnect {
			r.Target = loosePrefixes[i] + r.Target
		}
		return looseFinding{request: r, token: token}
	}
}

// shrink removes parts of the request as long as the caller gets the resource.
func (f looseFinding) shrink(t *testing.T, front string) looseFinding {
	t.Helper()
	for changed := true; changed; {
		changed = false
		for simpler := range f.request.Simpler() {
			g := looseFinding{request: simpler, token: f.token}
			if served, err := g.send(front); err == nil && g.judge(served) && g.pattern == f.pattern {
				f, changed = g, true
				break
			}
		}
	}
	return f
}

// honestLoose sends plain requests. Each of them must reach the service.
func honestLoose(t *testing.T, front string) {
	t.Helper()
	for _, row := range []struct{ token, method, target string }{
		{"", "GET", "/"},
		{"", "GET", "/index.html?x=%2f&y=/admin"},
		{"", "GET", "/assets/app.min.js"},
		{"", "GET", "/healthz"},
		{"", "HEAD", "/healthz"},
		{"", "GET", "/public/caf%C3%A9"},
		{"admin", "GET", "/admin"},
		{"admin", "PUT", "/admin/keys/7"},
		{"read", "GET", "/reports/7"},
		{"read", "GET", "/reports/2026.json"},
		{"", "GET", "/reports/7/title"},
		{"write", "POST", "/reports/7"},
		{"admin", "DELETE", "/reports/7"},
		{"read", "GET", "/customers/Acme%20Inc."},
		{"read", "GET", "/customers/J%C3%BCrgen"},
		{"read", "GET", "/customers/admin"},
	} {
		raw := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n", row.method, row.target)
		if row.token != "" {
			raw += "Authorization: Bearer " + row.token + "\r\n"
		}
		if row.method == http.MethodPost {
			raw += "Content-Length: 0\r\n"
		}
		served, err := sendLoose(front, raw+"\r\n", row.method)
		if err != nil || len(served) == 0 {
			t.Errorf("%s %s with token %q: got routes %q and error %v, want a response of the service", row.method, row.target, row.token, served, err)
		}
	}
}
