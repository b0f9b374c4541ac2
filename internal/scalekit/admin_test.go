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
	env := start(t)
	created := env.create(t, registration)
	client, _ := created.members["client"].(map[string]any)
	own := text(t, env.grant(t, text(t, client, "client_id"), text(t, created.members, "plain_secret")).members, "access_token")
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
		"none":           {nil, 401, 16, "UNAUTHENTICATED"},
		"empty":          {[]string{""}, 401, 16, "UNAUTHENTICATED"},
		"Basic":          {[]string{"Basic " + admin}, 401, 16, "UNAUTHENTICATED"},
		"no token":       {[]string{"Bearer"}, 401, 16, "UNAUTHENTICATED"},
		"garbage":        {[]string{"Bearer a.b.c"}, 401, 16, "UNAUTHENTICATED"},
		"two":            {[]string{"Bearer " + admin, "Bearer " + admin}, 401, 16, "UNAUTHENTICATED"},
		"huge":           {[]string{"Bearer " + strings.Repeat("a", 1<<15)}, 401, 16, "UNAUTHENTICATED"},
		"tampered":       {[]string{"Bearer " + bearertest.Tamper(admin, map[string]any{"exp": 4e9})}, 401, 16, "UNAUTHENTICATED"},
		"forged":         {[]string{"Bearer " + env.Issuer().Forge(nil, map[string]any{"client_id": env.ClientID})}, 401, 16, "UNAUTHENTICATED"},
		"unsigned":       {[]string{"Bearer " + env.Issuer().Mint(map[string]any{"alg": "none"}, map[string]any{"client_id": env.ClientID})}, 401, 16, "UNAUTHENTICATED"},
		"expired":        {[]string{claims(map[string]any{"exp": time.Now().Add(-time.Second)})}, 401, 16, "UNAUTHENTICATED"},
		"without end":    {[]string{claims(map[string]any{"exp": nil})}, 401, 16, "UNAUTHENTICATED"},
		"other issuer":   {[]string{claims(map[string]any{"iss": env.url + "/"})}, 401, 16, "UNAUTHENTICATED"},
		"unknown client": {[]string{claims(map[string]any{"client_id": "skc_1"})}, 401, 16, "UNAUTHENTICATED"},
		"no client":      {[]string{claims(map[string]any{"client_id": nil})}, 401, 16, "UNAUTHENTICATED"},
		"other client":   {[]string{"Bearer " + own}, 403, 7, "PERMISSION_DENIED"},
	} {
		got := env.do(t, http.MethodPost, "/api/v1/organizations/"+env.OrganizationID+"/clients", "application/json", "{}", row.authorization...)
		checkError(t, name, got, row.status, row.code, row.errorCode)
		if challenge := got.Header.Get("WWW-Authenticate"); (row.status == 401) != (challenge == "Bearer") {
			t.Errorf("%s: got challenge %q", name, challenge)
		}
	}
	if env.Dump() != before {
		t.Error("a call that was refused changed something")
	}
}

func TestEnvironmentClient(t *testing.T) {
	env := start(t)
	if !regexp.MustCompile(`^skc_[0-9]{17,18}$`).MatchString(env.ClientID) || !forms["plain_secret"].MatchString(env.ClientSecret) {
		t.Errorf("got %s and a secret of %d characters", env.ClientID, len(env.ClientSecret))
	}
	got := env.grant(t, env.ClientID, env.ClientSecret).members
	if got["scope"] != "openid" || got["expires_in"] != 86400.0 {
		t.Errorf("got %v", got)
	}
	for name, refused := range map[string]answer{
		"wrong secret":   env.grant(t, env.ClientID, env.ClientSecret+"x"),
		"unknown client": env.grant(t, "skc_1", env.ClientSecret),
	} {
		if refused.StatusCode != http.StatusUnauthorized || refused.members["error"] != "invalid_client" {
			t.Errorf("%s: got %s %v", name, refused.Status, refused.members)
		}
	}
	if strings.Contains(env.Dump(), env.ClientSecret) {
		t.Error("the plain secret is kept")
	}
}

func TestIdentifiers(t *testing.T) {
	grow := func(t *testing.T) {
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
						t.Errorf("got %s after %d, want 17 or 18 digits that grow", id, last)
					}
					last = n
					mu.Lock()
					if seen[id] {
						t.Errorf("got %s twice", id)
					}
					seen[id] = true
					mu.Unlock()
				}
			})
		}
		group.Wait()
	}
	grow(t)
	synctest.Test(t, grow) // whose clock stands before the identifiers' own epoch
}
