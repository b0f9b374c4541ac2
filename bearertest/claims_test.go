package bearertest_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/scopes"
)

func TestClaims(t *testing.T) {
	type tier struct{ Name string }
	claims := bearertest.Claims(map[string]any{"client_id": "ci", "scope": "a b", "aud": "api", "jti": nil}).WithCustom(tier{"gold"})
	if claims.ClientID() != "ci" || claims.Subject() != "client" || claims.Issuer() != "https://issuer.example" || claims.ID() != "" {
		t.Errorf("got claims %v, want the given claims instead of the defaults", claims)
	}
	if !slices.Equal(claims.Audience(), []string{"api"}) || !claims.Scopes().Has("b") || time.Until(claims.ExpiresAt()) < time.Minute {
		t.Errorf("got audience %q, scopes %v and expiry %v, want audience [\"api\"], scopes that contain b, and an expiry in about 1 h", claims.Audience(), claims.Scopes(), claims.ExpiresAt())
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, _ := bearer.FromContext(r.Context())
		custom, _ := bearer.Custom[tier](r.Context())
		if err := scopes.All("a").Allow(r.Context(), caller.Scopes()); err != nil {
			t.Errorf("got error %v, want none, because the claims have scope a", err)
		}
		_, _ = w.Write([]byte(caller.ClientID() + " " + custom.Name))
	})
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	handler.ServeHTTP(w, r.WithContext(bearer.NewContext(r.Context(), claims)))
	if got := w.Body.String(); got != "ci gold" {
		t.Errorf("got body %q, want %q", got, "ci gold")
	}
	if _, ok := bearer.Custom[tier](bearer.NewContext(context.Background(), bearertest.Claims(nil))); ok {
		t.Error("Custom of claims without custom claims: got custom claims, want none")
	}
}

func TestClaimsPanics(t *testing.T) {
	for name, claims := range map[string]map[string]any{"exp of type string": {"exp": "soon"}, "value that JSON cannot encode": {"x": func() {}}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: got no panic, want one", name)
				}
			}()
			bearertest.Claims(claims)
		}()
	}
}
