package scalekit_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/scalekit"
)

func TestTokenEndpoint(t *testing.T) {
	env := startEnvironment(t)
	c := env.registerClient(t, registration)
	basic := func(id, secret string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret)))
	}
	inBody := "&client_id=" + c.id + "&client_secret=" + c.plain
	for _, row := range []struct {
		name, authorization, body string
		status                    int
		want                      string // the granted scope, or the error code
	}{
		{"credentials in the body", "", "grant_type=client_credentials" + inBody, 200, "deploy:applications read:deployments"},
		{"Basic credentials", basic(c.id, c.plain), "grant_type=client_credentials", 200, "deploy:applications read:deployments"},
		{"Basic credentials with client_id", basic(c.id, c.plain), "grant_type=client_credentials&client_id=" + c.id, 200, "deploy:applications read:deployments"},
		{"credentials in the body and an unrelated Bearer token", "Bearer " + env.adminToken(t), "grant_type=client_credentials" + inBody, 200, "deploy:applications read:deployments"},
		{"one scope", "", "grant_type=client_credentials&scope=read:deployments" + inBody, 200, "read:deployments"},
		{"scopes in the requested order", "", "grant_type=client_credentials&scope=read:deployments+deploy:applications+read:deployments" + inBody, 200, "read:deployments deploy:applications"},
		{"a scope that the client does not have", "", "grant_type=client_credentials&scope=read:deployments+write:all" + inBody, 400, "invalid_scope"},
		{"a malformed scope", "", `grant_type=client_credentials&scope=a%22b` + inBody, 400, "invalid_scope"},
		{"no grant type", "", inBody[1:], 400, "invalid_request"},
		{"a repeated parameter", "", "grant_type=client_credentials&grant_type=client_credentials" + inBody, 400, "invalid_request"},
		{"credentials in the body and Basic credentials", basic(c.id, c.plain), "grant_type=client_credentials" + inBody, 400, "invalid_request"},
		{"Basic credentials with a different client_id", basic(c.id, c.plain), "grant_type=client_credentials&client_id=" + env.ClientID, 400, "invalid_request"},
		{"an unsupported grant type", "", "grant_type=authorization_code&code=x" + inBody, 400, "unsupported_grant_type"},
		{"no credentials", "", "grant_type=client_credentials", 401, "invalid_client"},
		{"wrong secret", "", "grant_type=client_credentials&client_id=" + c.id + "&client_secret=wrong", 401, "invalid_client"},
		{"wrong secret in Basic credentials", basic(c.id, "wrong"), "grant_type=client_credentials", 401, "invalid_client"},
		{"unknown client", basic("m2morg_1", c.plain), "grant_type=client_credentials", 401, "invalid_client"},
	} {
		var authorization []string
		if row.authorization != "" {
			authorization = []string{row.authorization}
		}
		got := env.sendRequest(t, http.MethodPost, "/oauth/token", "application/x-www-form-urlencoded", row.body, authorization...)
		if got.StatusCode != row.status || got.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: got status %s with Cache-Control %q, want status %d with Cache-Control no-store", row.name, got.Status, got.Header.Get("Cache-Control"), row.status)
		}
		if (got.Header.Get("WWW-Authenticate") != "") != (row.status == 401) {
			t.Errorf("%s: got challenge %q, want a challenge if the status is 401 and no challenge otherwise", row.name, got.Header.Get("WWW-Authenticate"))
		}
		if row.status != 200 {
			if got.members["error"] != row.want || got.members["access_token"] != nil {
				t.Errorf("%s: got body %v, want error %s and no token", row.name, got.members, row.want)
			}
			continue
		}
		claims := claimsOf(t, text(t, got.members, "access_token"))
		if got.members["scope"] != row.want || claims["scope"] != row.want || fmt.Sprint(claims["scopes"]) != "["+row.want+"]" {
			t.Errorf("%s: got response scope %v and claims %v, want scope %s in the response and in the claims", row.name, got.members["scope"], claims, row.want)
		}
	}
}

// TestDoubleSlash checks a path that begins with two slashes. An SDK requests such paths
// if its environment URL ends in a slash.
func TestDoubleSlash(t *testing.T) {
	env := startEnvironment(t)
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {env.ClientID}, "client_secret": {env.ClientSecret}}
	if got := env.sendRequest(t, http.MethodPost, "//oauth/token", "application/x-www-form-urlencoded", form.Encode()); got.StatusCode != http.StatusOK {
		t.Errorf("got status %s with body %v, want status 200", got.Status, got.members)
	}
}

func TestFailedAttempts(t *testing.T) {
	env := startEnvironment(t)
	c := env.registerClient(t, "{}")
	for _, id := range []string{c.id, "m2morg_1"} { // an unknown client gets the same responses
		for n := range 10 {
			if got := env.requestToken(t, id, "wrong"); got.StatusCode != http.StatusUnauthorized {
				t.Fatalf("%s, attempt %d: got status %s, want status 401", id, n, got.Status)
			}
		}
		for _, secret := range []string{"wrong", c.plain} {
			got := env.requestToken(t, id, secret)
			wait, err := strconv.Atoi(got.Header.Get("Retry-After"))
			if got.StatusCode != http.StatusTooManyRequests || got.members["error"] != "invalid_client" || err != nil || wait < 1 || wait > 6 {
				t.Errorf("%s: got status %s with body %v and Retry-After %q, want status 429 and a Retry-After of 1 to 6 s", id, got.Status, got.members, got.Header.Get("Retry-After"))
			}
		}
	}
	if got := env.requestToken(t, env.ClientID, env.ClientSecret); got.StatusCode != http.StatusOK {
		t.Errorf("client without failed attempts: got status %s, want status 200", got.Status)
	}
}

// TestFailedAttemptsRecover runs in the fake time of testing/synctest. Therefore, it does not
// use a listener.
func TestFailedAttemptsRecover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env, admin, err := scalekit.New(scalekit.Config{URL: "http://issuer.example"})
		if err != nil {
			t.Fatal(err)
		}
		client := env.Issuer().HTTPClient()
		grant := func(secret string) int {
			response, err := client.PostForm("http://issuer.example/oauth/token", url.Values{
				"grant_type": {"client_credentials"}, "client_id": {admin.ClientID}, "client_secret": {secret},
			})
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			return response.StatusCode
		}
		for range 3 {
			var got []int
			for range 11 {
				got = append(got, grant("wrong"))
			}
			if fmt.Sprint(got) != "[401 401 401 401 401 401 401 401 401 401 429]" {
				t.Errorf("got statuses %v, want status 401 ten times and then status 429", got)
			}
			time.Sleep(6 * time.Second)
			if got := []int{grant(admin.ClientSecret), grant("wrong"), grant(admin.ClientSecret)}; fmt.Sprint(got) != "[200 401 429]" {
				t.Errorf("after 6 s: got statuses %v, want statuses [200 401 429]", got)
			}
			time.Sleep(time.Minute)
		}
		for range 50 { // successful requests do not count as failures
			if got := grant(admin.ClientSecret); got != http.StatusOK {
				t.Fatalf("right secret: got status %d, want status 200", got)
			}
		}
	})
}

func TestLifetimes(t *testing.T) {
	env := startEnvironment(t)
	for _, expiry := range []int{1, 60, 3600, 315360000} {
		c := env.registerClient(t, fmt.Sprintf(`{"expiry":%d}`, expiry))
		got := env.requestToken(t, c.id, c.plain).members
		claims := claimsOf(t, text(t, got, "access_token"))
		exp, _ := claims["exp"].(float64)
		iat, _ := claims["iat"].(float64)
		if got["expires_in"] != float64(expiry) || int(exp-iat) != expiry {
			t.Errorf("got expires_in %v and exp-iat %v, want %d for both", got["expires_in"], exp-iat, expiry)
		}
	}
}

func TestSecretsAreNotKept(t *testing.T) {
	env := startEnvironment(t)
	c := env.registerClient(t, registration)
	added := env.callAdmin(t, http.MethodPost, env.clientsPath()+"/"+c.id+"/secrets", "")
	for _, plain := range []string{env.ClientSecret, c.plain, text(t, added.members, "plain_secret")} {
		if strings.Contains(env.Dump(), plain) || strings.Contains(env.Dump(), plain[5:len(plain)-4]) {
			t.Error("the state contains the plain text of a secret")
		}
	}
	if got := env.Issuer().Fetches(bearertest.TokenEndpoint); got == 0 {
		t.Error("got no request to the token endpoint, want one or more requests")
	}
}
