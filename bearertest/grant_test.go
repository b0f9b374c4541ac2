package bearertest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearer/bearertest"
)

func withClient(t *testing.T, opts *bearertest.Options) *bearertest.Issuer {
	t.Helper()
	if opts == nil {
		opts = &bearertest.Options{}
	}
	opts.Algorithms = []string{"ES256"}
	issuer := bearertest.NewUnstartedIssuer(opts)
	t.Cleanup(issuer.Close)
	issuer.AddClient(bearertest.Client{
		ID:       "id:1",
		Secret:   "s %+é",
		Scopes:   []string{"read:a", "write:a"},
		Audience: []string{"api"},
		Lifetime: 90 * time.Second,
		Claims:   map[string]any{"tenant": "acme", "sub": nil},
	})
	return issuer
}

func TestGrant(t *testing.T) {
	issuer := withClient(t, nil)
	for _, row := range []struct{ requested, granted string }{
		{"", "read:a write:a"},
		{"write:a", "write:a"},
		{"write:a read:a write:a", "write:a read:a"},
	} {
		values := url.Values{"grant_type": {"client_credentials"}, "client_id": {"id:1"}, "client_secret": {"s %+é"}, "scope": {row.requested}, "resource": {"ignored"}}
		got, err := do(issuer.HTTPClient(), form(t.Context(), t, issuer.TokenURL(), values))
		if err != nil {
			t.Fatal(err)
		}
		if got.StatusCode != http.StatusOK || got.Header.Get("Cache-Control") != "no-store" || got.Header.Get("Content-Type") != "application/json" {
			t.Fatalf("got status %s, header %v and body %s, want status 200, Content-Type application/json and Cache-Control no-store", got.Status, got.Header, got.body)
		}
		answer := object(t, got.body)
		if answer["token_type"] != "Bearer" || answer["expires_in"] != 90.0 || answer["scope"] != row.granted || len(answer) != 4 {
			t.Errorf("got response %v, want 4 members, expires_in 90 and scope %q", answer, row.granted)
		}
		token, _ := answer["access_token"].(string)
		claims, err := verify(issuer, token)
		if err != nil {
			t.Fatal(err)
		}
		if claims["client_id"] != "id:1" || claims["scope"] != row.granted || claims["tenant"] != "acme" || claims["sub"] != nil ||
			fmt.Sprint(claims["aud"]) != "[api]" || part(t, token, 0)["typ"] != "at+jwt" {
			t.Errorf("got claims %v, want the claims of the client, with scope %q", claims, row.granted)
		}
	}
}

func TestGrantRefusals(t *testing.T) {
	issuer := withClient(t, nil)
	const grant, id, secret = "grant_type=client_credentials&", "client_id=id%3A1&", "client_secret=s+%25%2B%C3%A9&"
	basic := basicHeader("s %+é")
	for _, row := range []struct {
		name, body, authorization string
		status                    int
		code                      string
	}{
		{"empty body", "", "", 400, "invalid_request"},
		{"no grant type", id + secret, "", 400, "invalid_request"},
		{"empty grant type", "grant_type=&" + id + secret, "", 400, "invalid_request"},
		{"different grant type", "grant_type=password&" + id + secret, "", 400, "unsupported_grant_type"},
		{"body with a repeated parameter", grant + grant + id + secret, "", 400, "invalid_request"},
		{"malformed body", grant + id + secret + "a=%zz", "", 400, "invalid_request"},
		{"semicolon in the body", grant + id + secret + "a;b", "", 400, "invalid_request"},
		{"huge body", grant + id + secret + "a=" + strings.Repeat("a", 70_000), "", 400, "invalid_request"},
		{"no credentials", grant, "", 401, "invalid_client"},
		{"no secret", grant + id, "", 401, "invalid_client"},
		{"empty secret", grant + id + "client_secret=", "", 401, "invalid_client"},
		{"wrong secret", grant + id + "client_secret=wrong", "", 401, "invalid_client"},
		{"unknown client", grant + "client_id=unknown&" + secret, "", 401, "invalid_client"},
		{"request with only Bearer credentials", grant, "Bearer x", 401, "invalid_client"},
		{"malformed Basic", grant, "Basic !", 401, "invalid_client"},
		{"malformed percent-encoding in Basic", grant, basicHeaderRaw("%zz", "x"), 401, "invalid_client"},
		{"wrong secret in Basic", grant, basicHeader("wrong"), 401, "invalid_client"},
		{"credentials in the Authorization field and in the body", grant + id + secret, basic, 400, "invalid_request"},
		{"client_id differs from the client ID in the Authorization field", grant + "client_id=other", basic, 400, "invalid_request"},
		{"unknown scope", grant + id + secret + "scope=read%3Aa+admin", "", 400, "invalid_scope"},
		{"malformed scope", grant + id + secret + "scope=read%3Aa++write%3Aa", "", 400, "invalid_scope"},
		{"scope with a quotation mark", grant + id + secret + "scope=%22", "", 400, "invalid_scope"},
		{"Basic credentials", grant, basic, 200, ""},
		{"scheme basic in lower case", grant, "b" + basic[1:], 200, ""},
		{"client_id is the client ID in the Authorization field", grant + id, basic, 200, ""},
		{"credentials in the body and a Bearer token", grant + id + secret, "Bearer x", 200, ""},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, issuer.TokenURL(), strings.NewReader(strings.TrimSuffix(row.body, "&")))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
		if row.authorization != "" {
			request.Header.Set("Authorization", row.authorization)
		}
		checkAnswer(t, issuer, row.name, request, row.status, row.code)
	}
}

func TestGrantRefusesWrongRequestForm(t *testing.T) {
	issuer := withClient(t, nil)
	query := url.Values{"grant_type": {"client_credentials"}, "client_id": {"id:1"}, "client_secret": {"s %+é"}}
	checkAnswer(t, issuer, "parameters in the URL", form(t.Context(), t, issuer.TokenURL()+"?"+query.Encode(), nil), 400, "invalid_request")

	get, err := http.NewRequestWithContext(t.Context(), http.MethodGet, issuer.TokenURL()+"?"+query.Encode(), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	checkAnswer(t, issuer, "method GET", get, 405, "invalid_request")

	asJSON := form(t.Context(), t, issuer.TokenURL(), query)
	asJSON.Header.Set("Content-Type", "application/json")
	checkAnswer(t, issuer, "Content-Type application/json", asJSON, 400, "invalid_request")

	repeated := form(t.Context(), t, issuer.TokenURL(), url.Values{"grant_type": {"client_credentials"}})
	repeated.Header["Authorization"] = []string{basicHeader("s %+é"), basicHeader("s %+é")}
	checkAnswer(t, issuer, "two Authorization fields", repeated, 400, "invalid_request")
}

func TestRemoveClient(t *testing.T) {
	issuer := withClient(t, nil)
	issuer.RemoveClient("id:1")
	values := url.Values{"grant_type": {"client_credentials"}, "client_id": {"id:1"}, "client_secret": {"s %+é"}}
	checkAnswer(t, issuer, "removed client", form(t.Context(), t, issuer.TokenURL(), values), 401, "invalid_client")
}

func TestAuthenticateAndShape(t *testing.T) {
	issuer := withClient(t, &bearertest.Options{
		Authenticate: func(_ context.Context, id, secret string) (bearertest.Client, error) {
			switch {
			case id == "down":
				return bearertest.Client{}, errors.New("the store at 10.0.0.1 is down")
			case secret != "right":
				return bearertest.Client{}, &bearertest.TokenError{Status: 429, Code: "invalid_client", Description: "too many attempts"}
			}
			return bearertest.Client{ID: id, Scopes: []string{"a", "b"}}, nil
		},
		Shape: func(g *bearertest.Grant) {
			g.Header["typ"] = "JWT"
			g.Claims["scopes"], g.Claims["jti"] = g.Scopes, nil
			if g.Client.ID == "odd" {
				g.Header["alg"] = "none"
			}
		},
	})
	values := func(id, secret string) url.Values {
		return url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}}
	}
	for _, row := range []struct {
		id, secret string
		status     int
		code       string
	}{
		{"any", "wrong", 429, "invalid_client"},
		{"down", "right", 500, "server_error"},
		{"odd", "right", 500, "server_error"},
		{"any", "right", 200, ""},
	} {
		checkAnswer(t, issuer, row.id, form(t.Context(), t, issuer.TokenURL(), values(row.id, row.secret)), row.status, row.code)
	}
	got, err := do(issuer.HTTPClient(), form(t.Context(), t, issuer.TokenURL(), values("any", "right")))
	if err != nil {
		t.Fatal(err)
	}
	token, _ := object(t, got.body)["access_token"].(string)
	claims := part(t, token, 1)
	if part(t, token, 0)["typ"] != "JWT" || fmt.Sprint(claims["scopes"]) != "[a b]" || claims["jti"] != nil || claims["sub"] != "any" {
		t.Errorf("got header %v and claims %v, want typ JWT, scopes [a b], sub \"any\" and no jti", part(t, token, 0), claims)
	}
	if _, err := verify(issuer, token); err != nil {
		t.Error(err)
	}
}

// checkAnswer sends a request. The response must have this status and this error code (RFC
// 6749, section 5.2). For status 200, the error code is empty.
func checkAnswer(t *testing.T, issuer *bearertest.Issuer, name string, request *http.Request, status int, code string) {
	t.Helper()
	got, err := do(issuer.HTTPClient(), request)
	if err != nil {
		t.Fatalf("%s: got error %v, want none", name, err)
	}
	answer := object(t, got.body)
	if answer["error"] == nil {
		answer["error"] = ""
	}
	if got.StatusCode != status || answer["error"] != code {
		t.Errorf("%s: got status %d and response %v, want status %d and error %q", name, got.StatusCode, answer, status, code)
	}
	if challenge := got.Header.Get("WWW-Authenticate"); (status == 401) != (challenge != "") {
		t.Errorf("%s: got WWW-Authenticate %q with status %d, want this field only with status 401", name, challenge, status)
	}
	if strings.Contains(string(got.body), "10.0.0.1") {
		t.Errorf("%s: got body %s, want a body without the text of the internal error", name, got.body)
	}
}

// basicHeader returns an Authorization value with the client ID "id:1" and the secret. The
// client ID and the secret are encoded as in RFC 6749, section 2.3.1.
func basicHeader(secret string) string {
	return basicHeaderRaw(url.QueryEscape("id:1"), url.QueryEscape(secret))
}

func basicHeaderRaw(id, secret string) string {
	request := http.Request{Header: http.Header{}}
	request.SetBasicAuth(id, secret)
	return request.Header.Get("Authorization")
}
