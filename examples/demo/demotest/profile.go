package demotest

import (
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/internal/testkit/routertest"
	"github.com/bearerkit/bearer/middleware"
)

// RunProfile runs the program with -profile and with an issuer whose tokens have the form of
// bearer-issuer. It requires the statuses 200, 403 and 401, and a log record for each refusal. The
// test must not run in parallel to other tests, because it replaces the default logger.
func RunProfile(t *testing.T, api func(*middleware.Guard) http.Handler) {
	t.Helper()
	if !inOwnProcess(t) {
		return
	}
	var log testkit.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(before)
	runWith(t, &bearertest.Options{Algorithms: []string{"RS256"}}, []string{"-profile", "scalekit"}, api, func(url string, issuer *bearertest.Issuer) {
		for _, row := range []struct {
			name, scope string
			status      int
		}{{"token", "deploy:applications read:deployments", 200}, {"other scope", "read:deployments", 403}, {"no token", "", 401}} {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/deployments", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			if row.scope != "" {
				now := time.Now().Unix()
				claims := map[string]any{"aud": routertest.Audience, "scope": row.scope, "sub": "m2morg_1", "client_id": "m2morg_1", "oid": "org_1", "iat": now, "nbf": now}
				request.Header.Set("Authorization", "Bearer "+issuer.Mint(map[string]any{"typ": "JWT"}, claims))
			}
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if response.StatusCode != row.status {
				t.Errorf("%s: got status %d, want %d", row.name, response.StatusCode, row.status)
			}
		}
	})
	var reasons []string
	for _, match := range regexp.MustCompile(`reason=(\w+)`).FindAllStringSubmatch(log.String(), -1) {
		reasons = append(reasons, match[1])
	}
	if want := []string{"scope", "no_token"}; !slices.Equal(reasons, want) {
		t.Errorf("log: got reasons %q, want %q; log:\n%s", reasons, want, log.String())
	}
}

// inOwnProcess runs the test in a process of its own, and reports whether this is the process. A
// process logs a number of refusals a minute, and the other tests of the program may need most of
// them.
func inOwnProcess(t *testing.T) bool {
	t.Helper()
	const variable = "DEMO_TEST"
	if os.Getenv(variable) == t.Name() {
		return true
	}
	test := exec.CommandContext(t.Context(), os.Args[0], "-test.v", "-test.count=1", "-test.run=^"+t.Name()+"$") //nolint:gosec // this program
	test.Env = append(os.Environ(), variable+"="+t.Name())
	if out, err := test.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("got error %v, want a test that passes; output:\n%s", err, out)
	}
	return false
}
