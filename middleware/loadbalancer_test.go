package middleware_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/testkit/routertest"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// TestLoadBalancerRecipe tests the handler of docs/issuers.md, with the guard behind it.
func TestLoadBalancerRecipe(t *testing.T) {
	// fromLoadBalancer moves the access token that the load balancer got from the identity provider
	// into the field that the guard reads. If the request also has a token of its own, the guard
	// refuses it, because it then has two.
	fromLoadBalancer := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r = r.Clone(r.Context())
			for _, token := range r.Header.Values("X-Amzn-Oidc-Accesstoken") {
				r.Header.Add("Authorization", "Bearer "+token)
			}
			for _, name := range []string{"X-Amzn-Oidc-Accesstoken", "X-Amzn-Oidc-Data", "X-Amzn-Oidc-Identity"} {
				r.Header.Del(name) // no handler may trust these fields
			}
			next.ServeHTTP(w, r)
		})
	}
	text, err := os.ReadFile("loadbalancer_test.go")
	if err != nil {
		t.Fatal(err)
	}
	guide, err := os.ReadFile("../docs/issuers.md")
	if err != nil {
		t.Fatal(err)
	}
	source, page := string(text), string(guide)
	_, source, _ = strings.Cut(source, "\n\t// fromLoadBalancer ")
	source, _, _ = strings.Cut(source, "\n\t}\n")
	if want := "```go\n// fromLoadBalancer " + strings.ReplaceAll(source, "\n\t", "\n") + "\n}\n```\n"; !strings.Contains(page, want) {
		t.Errorf("docs/issuers.md does not contain the function fromLoadBalancer of this test:\n%s", want)
	}
	const handler = "http.NewCrossOriginProtection().Handler(fromLoadBalancer(mux))"
	if !strings.Contains(page, handler) {
		t.Errorf("docs/issuers.md does not contain %s", handler)
	}
	b := newFixture(t, nil)
	mux := http.NewServeMux()
	mux.Handle("POST /", b.guard.Require(scopes.All("deploy"))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Amzn-Oidc-Identity")+r.Header.Get("X-Amzn-Oidc-Data")+r.Header.Get("X-Amzn-Oidc-Accesstoken") != "" {
			t.Errorf("the handler got fields of the load balancer: %v", r.Header)
		}
	})))
	server := httptest.NewServer(http.NewCrossOriginProtection().Handler(fromLoadBalancer(mux)))
	defer server.Close()
	token, weak := b.token("deploy"), b.token("read")
	for _, row := range []struct {
		name   string
		header http.Header
		want   int
	}{
		{"token of the session", http.Header{"X-Amzn-Oidc-Accesstoken": {token}, "X-Amzn-Oidc-Identity": {"user"}, "X-Amzn-Oidc-Data": {"x.y.z="}}, 200},
		{"token of a machine", http.Header{"Authorization": {"Bearer " + token}}, 200},
		{"token of a machine, with forged fields", http.Header{"Authorization": {"Bearer " + token}, "X-Amzn-Oidc-Identity": {"admin"}}, 200},
		{"no token", http.Header{"X-Amzn-Oidc-Identity": {"admin"}, "X-Amzn-Oidc-Data": {"x.y.z="}}, 401},
		{"both", http.Header{"X-Amzn-Oidc-Accesstoken": {token}, "Authorization": {"Bearer " + token}}, 400},
		{"two tokens of the session", http.Header{"X-Amzn-Oidc-Accesstoken": {token, weak}}, 400},
		{"basic credentials and the session", http.Header{"X-Amzn-Oidc-Accesstoken": {token}, "Authorization": {"Basic eDp5"}}, 400},
		{"no scope", http.Header{"X-Amzn-Oidc-Accesstoken": {weak}}, 403},
		{"opaque token", http.Header{"X-Amzn-Oidc-Accesstoken": {"opaque"}}, 401},
		{"two tokens in one field", http.Header{"X-Amzn-Oidc-Accesstoken": {token + ", " + token}}, 400},
		{"request of a different site", http.Header{"X-Amzn-Oidc-Accesstoken": {token}, "Sec-Fetch-Site": {"cross-site"}}, 403},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = row.header
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if _ = resp.Body.Close(); resp.StatusCode != row.want {
			t.Errorf("%s: got status %d, want %d", row.name, resp.StatusCode, row.want)
		}
	}
}

// TestPaddedTokens sends tokens whose parts end with the padding of base64, like the tokens that
// AWS load balancers write into X-Amzn-Oidc-Data. The verdict is as for any other text that is no
// token; only the text for the log differs.
func TestPaddedTokens(t *testing.T) {
	const hint = "X-Amzn-Oidc-Data"
	issuer := bearertest.NewIssuer(&bearertest.Options{Algorithms: []string{"ES256"}})
	defer issuer.Close()
	var logged string
	v := routertest.Verifier(t, issuer, bearer.ObserverFunc(func(_ context.Context, e bearer.Event) { logged = fmt.Sprint("reason=", e.Reason, " ", e.Err) }))
	guard, err := middleware.New(v, nil)
	if err != nil {
		t.Fatal(err)
	}
	handler := guard.Require(scopes.All())(http.NotFoundHandler())
	pad := func(part string) string { return part + strings.Repeat("=", (4-len(part)%4)%4) }
	b64 := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	h, c, s := b64(`{"alg":"ES256","kid":"12345678-1234-1234-1234-123456789012","signer":"arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/app/a/b","iss":"x","client":"c","exp":1}`), b64(`{"sub":"1234567890"}`), b64(strings.Repeat("s", 64))
	genuine := strings.Split(routertest.Token(issuer, "a"), ".")
	for _, row := range []struct {
		name, token    string
		direct, served bearer.Reason
		hint           bool
	}{
		{"token of a load balancer", pad(h) + "." + pad(c) + "." + pad(s), bearer.Malformed, bearer.InvalidRequest, true},
		{"only the signature is padded", h + "." + c + "." + pad(s), bearer.Malformed, bearer.Malformed, true},
		{"only the claims are padded", h + "." + pad(c) + "." + s, bearer.Malformed, bearer.InvalidRequest, true},
		{"only the header is padded", pad(h) + "." + c + "." + s, bearer.Malformed, bearer.InvalidRequest, true},
		{"valid token with a padded signature", genuine[0] + "." + genuine[1] + "." + pad(genuine[2]), bearer.Malformed, bearer.Malformed, true},
		{"valid token with too much padding", genuine[0] + "." + genuine[1] + "." + genuine[2] + "========", bearer.Malformed, bearer.Malformed, true},
		{"one part with padding", "abc=", bearer.Malformed, bearer.Malformed, false},
		{"two parts with padding", "abc=.abc=", bearer.Malformed, bearer.InvalidRequest, false},
		{"five parts with padding", "a=.b=.c=.d=.e=", bearer.Malformed, bearer.InvalidRequest, false},
		{"padding inside a part", "a=a." + c + "." + s, bearer.Malformed, bearer.InvalidRequest, false},
		{"other characters", "é." + c + "." + s, bearer.Malformed, bearer.InvalidRequest, false},
	} {
		_, err := v.Verify(t.Context(), row.token)
		if !errors.Is(err, row.direct) || strings.Contains(err.Error(), hint) != row.hint {
			t.Errorf("%s: Verify: got error %v, want reason %q and the hint: %v", row.name, err, row.direct, row.hint)
		}
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.Header.Set("Authorization", "Bearer "+row.token)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if !strings.Contains(logged, "reason="+string(row.served)) || strings.Contains(logged, hint) != row.hint || strings.Contains(logged, c) {
			t.Errorf("%s: got event %s, want reason %q and the hint: %v", row.name, logged, row.served, row.hint)
		}
		if strings.Contains(w.Body.String()+w.Header().Get("WWW-Authenticate"), "Amzn") {
			t.Errorf("%s: the client got the hint: %s", row.name, w.Body)
		}
		x := bearer.Explain(t.Context(), v, bearer.Request{Authorization: r.Header["Authorization"], Rule: scopes.All()})
		found := false
		for _, check := range x.Checks {
			found = found || check.State == "failed" && strings.Contains(check.Got+check.Advice, hint)
		}
		if found != row.hint || x.Reason != row.served {
			t.Errorf("%s: Explain: got reason %q and the hint: %v, want %q and %v", row.name, x.Reason, found, row.served, row.hint)
		}
	}
}
