package conformance_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// refreshHandler has the code of the page docs/rotation.md.
func refreshHandler(mux *http.ServeMux, guard *middleware.Guard, verifier interface{ Refresh(context.Context) error }) {
	admin := scopes.All("admin:keys") // a scope that only operators get
	mux.Handle("POST /admin/refresh-keys", guard.Require(admin)(http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
			defer cancel()
			if err := verifier.Refresh(ctx); err != nil { // a *bearer.JWTVerifier or *bearer.Issuers
				slog.ErrorContext(ctx, "refreshing the keys failed", "error", err)
				http.Error(w, "the keys were not refreshed; see the log", http.StatusBadGateway)
				return
			}
			w.WriteHeader(http.StatusNoContent)
		})))
}

// TestRefreshHandler tests the handler that docs/rotation.md shows for operators: only tokens with
// its scope may call it, it refuses a withdrawn key at once, and it reports a failure. The page
// must have the code of this file.
func TestRefreshHandler(t *testing.T) {
	issuer := bearertest.NewIssuer(nil)
	defer issuer.Close()
	cfg := bearer.Config{Issuer: issuer.URL(), Audience: []string{"deployment-api"}, Logger: slog.New(slog.DiscardHandler)}
	one, err := bearer.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	several := new(bearer.Issuers)
	if err := several.Add(cfg); err != nil {
		t.Fatal(err)
	}
	defer several.Close()
	for name, verifier := range map[string]interface {
		bearer.Verifier
		Refresh(context.Context) error
	}{"JWTVerifier": one, "Issuers": several} {
		t.Run(name, func(t *testing.T) {
			guard, err := middleware.New(verifier, nil)
			if err != nil {
				t.Fatal(err)
			}
			mux := http.NewServeMux()
			refreshHandler(mux, guard, verifier)
			post := func(token string) int {
				r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/admin/refresh-keys", nil)
				if token != "" {
					r.Header.Set("Authorization", "Bearer "+token)
				}
				w := httptest.NewRecorder()
				mux.ServeHTTP(w, r)
				return w.Code
			}
			token := func(scope string) string {
				return issuer.Token(map[string]any{"aud": "deployment-api", "client_id": "operator", "scope": scope})
			}
			stolen, old := token("admin:keys"), issuer.SigningKey("")
			if got := post(stolen); got != http.StatusNoContent {
				t.Errorf("before the withdrawal: got status %d, want 204", got)
			}
			issuer.Rotate()
			issuer.Withdraw(old.ID())
			for _, row := range []struct {
				name, token string
				want        int
			}{
				{"no token", "", http.StatusUnauthorized},
				{"a token without the scope", token("read:deployments"), http.StatusForbidden},
				{"a token of an operator", token("admin:keys"), http.StatusNoContent},
				{"a token of the withdrawn key", stolen, http.StatusUnauthorized},
			} {
				if got := post(row.token); got != row.want {
					t.Errorf("%s: got status %d, want %d", row.name, got, row.want)
				}
			}
			issuer.Inject(bearertest.KeysEndpoint, bearertest.Fault{Body: []byte(`{"keys":[]}`)})
			defer issuer.Repair(bearertest.KeysEndpoint)
			if got := post(token("admin:keys")); got != http.StatusBadGateway {
				t.Errorf("if no usable key is published: got status %d, want 502", got)
			}
		})
	}
}

// TestRefreshHandlerOfPage tests that docs/rotation.md has the code of refreshHandler.
func TestRefreshHandlerOfPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/rotation.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("refresh_docs_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, code, _ := strings.Cut(string(source), "func refreshHandler(")
	_, code, _ = strings.Cut(code, "{ Refresh(context.Context) error }) {\n")
	code, _, found := strings.Cut(code, "\n}\n")
	if !found {
		t.Fatal("got no function refreshHandler in this file, want one")
	}
	lines := strings.Split(code, "\n")
	for i, line := range lines {
		lines[i] = "   " + strings.TrimPrefix(line, "\t") // the page shows the code in an item of a list
	}
	if want := "   ```go\n" + strings.Join(lines, "\n") + "\n   ```\n"; !strings.Contains(string(page), want) {
		t.Errorf("docs/rotation.md: got other code, want\n%s", want)
	}
}
