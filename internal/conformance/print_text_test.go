package conformance_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/interceptor"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/metrics"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// TestPrintedTexts tests that the printed forms help an operator, and that nil pointers and zero
// values are printed too.
func TestPrintedTexts(t *testing.T) {
	claims := bearertest.Claims(map[string]any{"sub": "deployer", "client_id": "ci", "email": "a@b.example"})
	request := bearer.Request{Transport: "http", Route: "GET /x", Authorization: []string{"Bearer secret"}, Rule: scopes.All("a", "b")}
	for _, row := range []struct {
		value any
		want  string
	}{
		{request, `bearer.Request{Transport: "http", Route: "GET /x", Authorization: 1 value (redacted), Rule: scopes "a" and "b"}`},
		{bearer.Request{Authorization: []string{"a", "b"}, NoRule: "no pattern"}, `bearer.Request{Authorization: 2 values (redacted), NoRule: "no pattern"}`},
		{
			&jwks.Options{MetadataURL: "https://a.example/m?key=secret", Transport: http.DefaultTransport, Timeout: 2 * time.Second, StoreKey: []byte("secret")},
			`jwks.Options{MetadataURL: "https://a.example/m?key=xxxxx", Transport: *http.Transport, Timeout: 2s, StoreKey: set (redacted)}`,
		},
		{
			jwks.Event{Kind: jwks.RefreshFailed, Issuer: "https://a.example", Cause: t.Context(), Err: errors.New("line\nbreak")},
			`jwks.Event{Kind: "refresh_failed", Issuer: "https://a.example", Cause: set, Err: line; break}`,
		},
		{jwks.Event{Kind: jwks.KeySkipped, SkippedKey: jwks.Skipped{Index: 2, ID: "k"}}, `jwks.Event{Kind: "key_skipped", SkippedKey: jwks.Skipped{Index: 2, ID: "k"}}`},
		{
			bearertest.Client{ID: "ci", Secret: "secret", Scopes: []string{"a"}, Claims: map[string]any{"b": 1}},
			`bearertest.Client{ID: "ci", Secret: set (redacted), Scopes: ["a"], Claims: 1 claim (redacted)}`,
		},
		{claims, `"deployer" of "https://issuer.example", client "ci"`},
		{bearer.NewContext(t.Context(), claims), fmt.Sprint(t.Context()) + ".WithValue(*bearer.Claims)"},
		{&jwks.Limits{MaxFetches: 3}, "jwks.Limits{MaxFetches: 3}"},

		{&jwks.Cache{}, "jwks.Cache{}"},
		{&jwks.Limits{}, "jwks.Limits{}"},
		{&bearer.JWTVerifier{}, "bearer.JWTVerifier{}"},
		{&bearer.Issuers{}, "bearer.Issuers{}"},
		{&bearer.LogObserver{}, "bearer.LogObserver{}"},
		{&bearer.Claims{}, `"" of "", client ""`},
		{&middleware.Guard{}, "middleware.Guard{}"},
		{&interceptor.Guard{}, "interceptor.Guard{}"},
		{&interceptor.HealthWatch{}, "interceptor.HealthWatch{}"},
		{&metrics.Collector{}, "metrics.Collector{}"},
		{&bearertest.Issuer{}, "bearertest.Issuer{}"},

		{(*bearer.Request)(nil), "<nil>"},
		{(*bearer.Claims)(nil), "<nil>"},
		{(*bearer.JWTVerifier)(nil), "<nil>"},
		{(*bearer.Issuers)(nil), "<nil>"},
		{(*bearer.LogObserver)(nil), "<nil>"},
		{(*jwks.Options)(nil), "<nil>"},
		{(*jwks.Cache)(nil), "<nil>"},
		{(*jwks.Limits)(nil), "<nil>"},
		{(*jwks.Event)(nil), "<nil>"},
		{(*middleware.Guard)(nil), "<nil>"},
		{(*interceptor.Guard)(nil), "<nil>"},
		{(*interceptor.HealthWatch)(nil), "<nil>"},
		{(*metrics.Collector)(nil), "<nil>"},
		{(*bearertest.Client)(nil), "<nil>"},
		{(*bearertest.Issuer)(nil), "<nil>"},
	} {
		if got := fmt.Sprintf("%+v", row.value); got != row.want {
			t.Errorf("%T: got %s, want %s", row.value, got, row.want)
		}
		if text := logged(row.value); strings.Contains(text, "panicked") || strings.Contains(text, "PANIC") || strings.Contains(text, "!ERROR") {
			t.Errorf("%T: got the log records %s, want records without a panic or an error", row.value, text)
		}
	}
	encoded, err := json.Marshal(map[string]any{"request": request})
	want := `{"request":"bearer.Request{Transport: \"http\", Route: \"GET /x\", Authorization: 1 value (redacted), Rule: scopes \"a\" and \"b\"}"}`
	if err != nil || string(encoded) != want {
		t.Errorf("JSON: got %s, %v, want %s", encoded, err, want)
	}
	// Options in JSON can still be read, for example from a configuration file.
	var opts jwks.Options
	if err := json.Unmarshal([]byte(`{"Issuer":"https://a.example","StoreKey":"c2VjcmV0"}`), &opts); err != nil || string(opts.StoreKey) != "secret" {
		t.Errorf("JSON: got StoreKey %q, %v, want the key in the text", opts.StoreKey, err)
	}
}
