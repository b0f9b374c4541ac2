// Package routertest sends the same table of requests to every supported router. Every
// router must respond with the same statuses, challenges and bodies.
package routertest

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/scopes"
)

// Audience is the audience of the tokens.
const Audience = "https://deployments.example"

//go:embed requests.json
var requests []byte

// Route is a route of the API under test. Every router must have all routes. The handlers
// respond with WriteAnswer.
type Route struct {
	// Name is the first word of the response body.
	Name string
	// Method and Path are in the syntax of http.ServeMux.
	Method, Path string
	// Param is the wildcard in Path, or "".
	Param string
	// Rule is the rule of the route.
	Rule scopes.Rule
}

// Routes returns the routes of the API. Route "files" is a mounted handler. Route "admin" is
// in a group. The handler of route "fail" responds with status 409 and "deployment in
// progress".
func Routes() []Route {
	read := scopes.Any("read:deployments", "deploy:applications")
	return []Route{
		{"health", "GET", "/healthz", "", scopes.Public()},
		{"list", "GET", "/deployments", "", read},
		{"create", "POST", "/deployments", "", scopes.All("deploy:applications")},
		{"read", "GET", "/deployments/{id}", "id", read},
		{"delete", "DELETE", "/deployments/{id}", "id", scopes.All("deploy:applications", "delete:deployments")},
		{"patch", "PATCH", "/deployments/{id}", "id", scopes.ReportOnly(scopes.All("patch:deployments"))},
		{"whoami", "GET", "/whoami", "", scopes.Optional(scopes.All())},
		{"fail", "GET", "/fail", "", scopes.All()},
		{"admin", "GET", "/admin/{section}", "section", scopes.All("admin")},
		{"files", "GET", "/files/{path...}", "path", scopes.All("read:files")},
	}
}

// Table returns the rules of the API as a table.
func Table() *scopes.Table {
	var table scopes.Table
	for _, route := range Routes() {
		table.Handle(route.Method+" "+route.Path, route.Rule)
	}
	return &table
}

// WriteAnswer writes the response of a handler: the route's name, the parameter and the
// caller's client ID. It writes "-" for an empty parameter and for a caller without claims.
func WriteAnswer(w io.Writer, name, param string, claims *bearer.Claims) {
	client := "-"
	if claims != nil {
		client = claims.ClientID()
	}
	if param = strings.Trim(param, "/"); param == "" {
		param = "-"
	}
	_, _ = fmt.Fprintf(w, "%s %s %s\n", name, param, client)
}

// Verifier returns a verifier that discovers the issuer's keys. The issuer must have a
// listener. The verifier logs nothing. The observer may be nil.
func Verifier(tb testing.TB, issuer *bearertest.Issuer, observer bearer.Observer) *bearer.JWTVerifier {
	tb.Helper()
	v, err := bearer.New(bearer.Config{
		Issuer: issuer.URL(), Audience: []string{Audience}, Observer: observer, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = v.Close() })
	return v
}

// Token returns a valid token. The argument scope contains the scopes of the token, separated
// by spaces.
func Token(issuer *bearertest.Issuer, scope string) string {
	return issuer.Token(map[string]any{"aud": Audience, "client_id": "ci", "scope": scope})
}

// row is a request and the wanted response. The test does not compare an empty Type, Body or
// Contains.
type row struct {
	Name      string              `json:"name"`
	Request   string              `json:"request"`  // method, space, target
	Header    map[string][]string `json:"header"`   // Run replaces each token name in braces with the token.
	Form      string              `json:"form"`     // form-encoded body
	Table     bool                `json:"table"`    // The row applies only to tables, because a table is stricter than the router.
	Enforced  bool                `json:"enforced"` // If Enforced is true, Run sends the request only if the argument "enforced" of Run is true.
	Status    int                 `json:"status"`
	Challenge string              `json:"challenge"`
	Type      string              `json:"type"`
	Body      string              `json:"body"`
	Contains  string              `json:"contains"`
}

// Run sends the requests of the table to the server at baseURL. The server must use a guard
// that middleware.New created with nil options and with a verifier from the function Verifier.
// Run sends requests to routes without a rule only if the argument "enforced" is true, because
// only Enforce denies these requests.
func Run(t *testing.T, baseURL string, issuer *bearertest.Issuer, enforced bool) {
	t.Helper()
	run(t, &http.Transport{}, baseURL, issuer, func(r row) bool { return enforced || !r.Enforced })
}

// RunRoutes does what Run does for a server that has rules by the names of the router's
// routes. It does not send the requests for which a table is stricter than the router.
func RunRoutes(t *testing.T, baseURL string, issuer *bearertest.Issuer) {
	t.Helper()
	run(t, &http.Transport{}, baseURL, issuer, func(r row) bool { return !r.Table })
}

// RunHTTP2 does what Run does, but uses HTTP/2 without TLS. The server must support HTTP/2
// without TLS.
func RunHTTP2(t *testing.T, baseURL string, issuer *bearertest.Issuer, enforced bool) {
	t.Helper()
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	run(t, transport, baseURL, issuer, func(r row) bool { return enforced || !r.Enforced })
}

func run(t *testing.T, transport *http.Transport, base string, issuer *bearertest.Issuer, selected func(row) bool) {
	t.Helper()
	var rows []row
	if err := json.Unmarshal(requests, &rows); err != nil {
		t.Fatal(err)
	}
	tokens := tokens(issuer)
	client := &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     transport,
		Timeout:       time.Minute,
	}
	defer client.CloseIdleConnections()
	for _, row := range rows {
		if !selected(row) {
			continue
		}
		t.Run(row.Name, func(t *testing.T) { row.run(t, client, base, tokens) })
	}
}

// tokens returns a Replacer that replaces each token name in braces, such as "{good}", with
// the token of this name.
func tokens(issuer *bearertest.Issuer) *strings.Replacer {
	good := map[string]any{"aud": Audience, "client_id": "ci", "scope": "read:deployments deploy:applications"}
	with := func(name string, value any) map[string]any {
		claims := map[string]any{}
		for k, v := range good {
			claims[k] = v
		}
		claims[name] = value
		return claims
	}
	expired := issuer.Token(with("exp", time.Now().Add(-time.Minute)))
	return strings.NewReplacer(
		"{good}", issuer.Token(good),
		"{reader}", Token(issuer, "read:deployments"),
		"{deployer}", Token(issuer, "deploy:applications"),
		"{deleter}", Token(issuer, "deploy:applications delete:deployments"),
		"{admin}", Token(issuer, "admin"),
		"{files}", Token(issuer, "read:files"),
		"{plain}", Token(issuer, ""),
		"{expired}", expired,
		"{future}", issuer.Token(with("nbf", time.Now().Add(time.Hour))),
		"{other audience}", issuer.Token(with("aud", "https://other.example")),
		"{other issuer}", issuer.Token(with("iss", "https://stranger.example")),
		"{bound}", issuer.Token(with("cnf", map[string]any{"jkt": "x"})),
		"{forged}", issuer.Forge(nil, good),
		"{forged expired}", issuer.Forge(nil, with("exp", time.Now().Add(-time.Minute))),
		"{forged audience}", issuer.Forge(nil, with("aud", "https://other.example")),
		"{forged future}", issuer.Forge(nil, with("nbf", time.Now().Add(time.Hour))),
		"{forged bound}", issuer.Forge(nil, with("cnf", map[string]any{"jkt": "x"})),
		"{forged kid}", issuer.Forge(map[string]any{"kid": "unknown"}, with("exp", time.Now().Add(-time.Minute))),
		"{unsigned}", expired[:strings.LastIndexByte(expired, '.')+1],
		"{tampered}", bearertest.Tamper(issuer.Token(good), map[string]any{"scope": "admin"}),
		"{long}", strings.Repeat("A", 64<<10),
	)
}

func (row *row) run(t *testing.T, client *http.Client, base string, tokens *strings.Replacer) {
	t.Helper()
	method, target, _ := strings.Cut(row.Request, " ")
	u, err := url.Parse(base + tokens.Replace(target))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, u.String(), strings.NewReader(tokens.Replace(row.Form)))
	if err != nil {
		t.Fatal(err)
	}
	r.URL = u
	if row.Form != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, values := range row.Header {
		for _, value := range values {
			r.Header[name] = append(r.Header[name], tokens.Replace(value))
		}
	}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	row.compare(t, response, string(body))
}

func (row *row) compare(t *testing.T, response *http.Response, body string) {
	t.Helper()
	if response.StatusCode != row.Status {
		t.Errorf("got status %d with %q, want %d", response.StatusCode, body, row.Status)
	}
	if got := strings.Join(response.Header["Www-Authenticate"], "; "); got != row.Challenge {
		t.Errorf("got challenge %q, want %q", got, row.Challenge)
	}
	if got := response.Header.Get("Content-Type"); row.Type != "" && got != row.Type {
		t.Errorf("got Content-Type %q, want %q", got, row.Type)
	}
	if row.Body != "" && body != row.Body+"\n" {
		t.Errorf("got body %q, want %q", body, row.Body)
	}
	if !strings.Contains(body, row.Contains) {
		t.Errorf("got body %q, want a body that contains %q", body, row.Contains)
	}
	if refused := row.Challenge != ""; refused {
		for name, want := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"} {
			if got := response.Header.Values(name); len(got) != 1 || got[0] != want {
				t.Errorf("got %s fields %q, want one field %q", name, got, want)
			}
		}
	}
}
