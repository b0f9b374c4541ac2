package conformance_test

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	jsonv2 "github.com/go-json-experiment/json"

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
		{(*metrics.Collector)(nil), "<nil>"},
		{(*bearertest.Client)(nil), "<nil>"},
		{(*bearertest.Issuer)(nil), "<nil>"},
	} {
		if got := fmt.Sprintf("%+v", row.value); got != row.want {
			t.Errorf("%T: got %s, want %s", row.value, got, row.want)
		}
		checkMarshaler(t, row.value, row.want)
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

// plainJSON lists the types whose JSON form is not the text of Format, although they have a method
// Format.
var plainJSON = map[string]string{
	"*bearer.Claims": "documented: an empty object",
	"*bearer.call":   "a context, whose JSON form has no values",
	"*bearer.detail": "inside an error",
	"jwks.Event":     "its exported fields",
	"*jwks.Event":    "its exported fields",
	"*jwks.Limits":   "its exported fields, which a configuration file can have",
}

// checkMarshaler checks that JSON and the JSON handler of log/slog contain the text of Format.
// Without a method MarshalText, they contain an empty object.
func checkMarshaler(t *testing.T, value any, want string) {
	t.Helper()
	if _, ok := value.(fmt.Formatter); !ok || plainJSON[fmt.Sprintf("%T", value)] != "" {
		return
	}
	if _, ok := value.(encoding.TextMarshaler); !ok {
		t.Errorf("%T: got no method MarshalText, want one, because the type has a method Format", value)
		return
	}
	wantJSON, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if reflect.ValueOf(value).Kind() == reflect.Pointer && reflect.ValueOf(value).IsNil() {
		wantJSON = []byte("null")
	}
	for name, marshal := range map[string]func(any) ([]byte, error){
		"encoding/json": json.Marshal,
		"json v2":       func(v any) ([]byte, error) { return jsonv2.Marshal(v) },
		"in a field":    func(v any) ([]byte, error) { return json.Marshal(struct{ V any }{v}) },
	} {
		want := string(wantJSON)
		if name == "in a field" {
			want = `{"V":` + want + `}`
		}
		if got, err := marshal(value); err != nil || string(got) != want {
			t.Errorf("%T, %s: got %s, %v, want %s", value, name, got, err, want)
		}
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "value", value)
	if !strings.Contains(log.String(), `"value":`+string(wantJSON)) {
		t.Errorf("%T: got the record %s, want the value %s", value, log.String(), wantJSON)
	}
}
