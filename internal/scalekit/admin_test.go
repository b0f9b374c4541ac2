package scalekit_test

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/scalekit"
)

func TestAdminCalls(t *testing.T) {
	env := startEnvironment(t)
	created := env.postClient(t, registration)
	client, _ := created.members["client"].(map[string]any)
	own := text(t, env.requestToken(t, text(t, client, "client_id"), text(t, created.members, "plain_secret")).members, "access_token")
	admin := env.adminToken(t)
	claims := func(changes map[string]any) string {
		all := map[string]any{"client_id": env.ClientID, "sub": env.ClientID}
		for name, value := range changes {
			all[name] = value
		}
		return "Bearer " + env.Issuer().Mint(map[string]any{"typ": "JWT"}, all)
	}
	before := env.Dump()
	for name, row := range map[string]struct {
		authorization []string
		status        int
		code          float64
		errorCode     string
	}{
		"no Authorization header":      {nil, 401, 16, "UNAUTHENTICATED"},
		"empty Authorization header":   {[]string{""}, 401, 16, "UNAUTHENTICATED"},
		"scheme Basic":                 {[]string{"Basic " + admin}, 401, 16, "UNAUTHENTICATED"},
		"scheme Bearer without token":  {[]string{"Bearer"}, 401, 16, "UNAUTHENTICATED"},
		"malformed token":              {[]string{"Bearer a.b.c"}, 401, 16, "UNAUTHENTICATED"},
		"two Authorization headers":    {[]string{"Bearer " + admin, "Bearer " + admin}, 401, 16, "UNAUTHENTICATED"},
		"token of 32 KiB":              {[]string{"Bearer " + strings.Repeat("a", 1<<15)}, 401, 16, "UNAUTHENTICATED"},
		"tampered token":               {[]string{"Bearer " + bearertest.Tamper(admin, map[string]any{"exp": 4e9})}, 401, 16, "UNAUTHENTICATED"},
		"forged token":                 {[]string{"Bearer " + env.Issuer().Forge(nil, map[string]any{"client_id": env.ClientID})}, 401, 16, "UNAUTHENTICATED"},
		"unsigned token":               {[]string{"Bearer " + env.Issuer().Mint(map[string]any{"alg": "none"}, map[string]any{"client_id": env.ClientID})}, 401, 16, "UNAUTHENTICATED"},
		"expired token":                {[]string{claims(map[string]any{"exp": time.Now().Add(-time.Second)})}, 401, 16, "UNAUTHENTICATED"},
		"token without exp":            {[]string{claims(map[string]any{"exp": nil})}, 401, 16, "UNAUTHENTICATED"},
		"token of another issuer":      {[]string{claims(map[string]any{"iss": env.url + "/"})}, 401, 16, "UNAUTHENTICATED"},
		"token of an unknown client":   {[]string{claims(map[string]any{"client_id": "skc_1"})}, 401, 16, "UNAUTHENTICATED"},
		"token without client_id":      {[]string{claims(map[string]any{"client_id": nil})}, 401, 16, "UNAUTHENTICATED"},
		"token of a registered client": {[]string{"Bearer " + own}, 403, 7, "PERMISSION_DENIED"},
	} {
		got := env.sendRequest(t, http.MethodPost, "/api/v1/organizations/"+env.OrganizationID+"/clients", "application/json", "{}", row.authorization...)
		checkError(t, name, got, row.status, row.code, row.errorCode)
		if challenge := got.Header.Get("WWW-Authenticate"); (row.status == 401) != (challenge == "Bearer") {
			t.Errorf("%s: got challenge %q, want the challenge Bearer if the status is 401 and no challenge otherwise", name, challenge)
		}
	}
	if env.Dump() != before {
		t.Error("a refused call changed the state")
	}
}

func TestEnvironmentClient(t *testing.T) {
	env := startEnvironment(t)
	if !regexp.MustCompile(`^skc_[0-9]{17,18}$`).MatchString(env.ClientID) || !valuePatterns["plain_secret"].MatchString(env.ClientSecret) {
		t.Errorf("got client ID %s and a secret of %d characters, want skc_ with 17 or 18 digits and a secret of 69 characters", env.ClientID, len(env.ClientSecret))
	}
	got := env.requestToken(t, env.ClientID, env.ClientSecret).members
	if got["scope"] != "openid" || got["expires_in"] != 86400.0 {
		t.Errorf("got body %v, want scope openid and expires_in 86400", got)
	}
	for name, refused := range map[string]jsonResponse{
		"wrong secret":   env.requestToken(t, env.ClientID, env.ClientSecret+"x"),
		"unknown client": env.requestToken(t, "skc_1", env.ClientSecret),
	} {
		if refused.StatusCode != http.StatusUnauthorized || refused.members["error"] != "invalid_client" {
			t.Errorf("%s: got status %s with body %v, want status 401 with error invalid_client", name, refused.Status, refused.members)
		}
	}
	if strings.Contains(env.Dump(), env.ClientSecret) {
		t.Error("the state contains the plain text of the secret")
	}
}

func TestIdentifiers(t *testing.T) {
	checkIncreasing := func(t *testing.T) {
		t.Helper()
		env, _, err := scalekit.New(scalekit.Config{URL: "http://127.0.0.1"})
		if err != nil {
			t.Fatal(err)
		}
		var (
			group sync.WaitGroup
			mu    sync.Mutex
			seen  = make(map[string]bool)
		)
		for range 4 {
			group.Go(func() {
				last := 0
				for range 500 {
					id := env.NextID("x_")
					n, err := strconv.Atoi(strings.TrimPrefix(id, "x_"))
					if err != nil || n <= last || len(id) < 2+17 || len(id) > 2+18 {
						t.Errorf("got identifier %s after the number %d, want a greater number of 17 or 18 digits", id, last)
					}
					last = n
					mu.Lock()
					if seen[id] {
						t.Errorf("got identifier %s two times, want each identifier once", id)
					}
					seen[id] = true
					mu.Unlock()
				}
			})
		}
		group.Wait()
	}
	checkIncreasing(t)
	synctest.Test(t, checkIncreasing) // identifiers count the time since 2024, and the fake clock starts earlier
}
