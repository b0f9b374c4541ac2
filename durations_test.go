package bearer_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/jwks"
)

// panicText calls f and returns an error with the text of its panic, or nil.
func panicText(f func()) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	f()
	return nil
}

// fieldsOfDurations returns the use of each exported field of type time.Duration in an option.
// The keys have the form "package type field".
func fieldsOfDurations(t *testing.T) map[string]func(time.Duration) error {
	t.Helper()
	config := func(set func(*bearer.Config)) error {
		cfg := bearer.Config{Issuer: "https://a.example", Audience: []string{audience}, Keys: new(jwks.Set)}
		set(&cfg)
		_, err := bearer.New(cfg)
		return err
	}
	issuer := newIssuer(t)
	return map[string]func(time.Duration) error{
		// A Leeway has a maximum, which TestLeewayErrors tests.
		"bearer Config Leeway": func(d time.Duration) error {
			return config(func(c *bearer.Config) { c.Leeway = min(d, 5*time.Minute) })
		},
		"bearer Config MaxAge":      func(d time.Duration) error { return config(func(c *bearer.Config) { c.MaxAge = d }) },
		"bearer Config MaxLifetime": func(d time.Duration) error { return config(func(c *bearer.Config) { c.MaxLifetime = d }) },
		"bearer LogOptions Interval": func(d time.Duration) error {
			o, err := bearer.NewLogObserver(slog.New(slog.DiscardHandler), &bearer.LogOptions{Interval: d})
			if err == nil {
				err = o.Close()
			}
			return err
		},
		"bearertest Options Lifetime": func(d time.Duration) error {
			return panicText(func() { bearertest.NewUnstartedIssuer(&bearertest.Options{Lifetime: d}).Close() })
		},
		"bearertest Client Lifetime": func(d time.Duration) error {
			return panicText(func() { issuer.AddClient(bearertest.Client{ID: "a", Secret: "b", Lifetime: d}) })
		},
		"bearertest Fault Delay": func(d time.Duration) error {
			return panicText(func() { issuer.Inject(bearertest.TokenEndpoint, bearertest.Fault{Delay: d}) })
		},
	}
}

// TestDurationsWithoutUnit sets each duration of an option to numbers that are often written
// without a unit. It also requires that a new field is in the table.
func TestDurationsWithoutUnit(t *testing.T) {
	fields := fieldsOfDurations(t)
	results := "bearer Error RetryAfter, bearer Event Duration" // the package sets these fields itself
	found := 0
	for _, name := range []string{"bearer", "bearertest", "tracing"} {
		golden := readText(t, "testdata/api/"+name+".txt")
		for _, field := range regexp.MustCompile(`(?m)^type (\w+) struct, (\w+) time\.Duration$`).FindAllStringSubmatch(golden, -1) {
			key := name + " " + field[1] + " " + field[2]
			if strings.Contains(results, key) {
				continue
			}
			found++
			if fields[key] == nil {
				t.Errorf("%s: got no row in fieldsOfDurations, want one", key)
			}
		}
	}
	if found != len(fields) {
		t.Errorf("got %d fields in testdata/api, want %d", found, len(fields))
	}
	for key, use := range fields {
		field := strings.Fields(key)[2]
		for _, d := range []time.Duration{1, 5, 60, 300} {
			testkit.WantError(t, fmt.Sprintf("%s, %d", key, int64(d)), use(d), field+fmt.Sprintf(": %d is ", int64(d)), "too short")
		}
		for _, d := range []time.Duration{0, 20 * time.Millisecond, time.Second, time.Hour} {
			if err := use(d); err != nil {
				t.Errorf("%s, %v: got error %v, want none", key, d, err)
			}
		}
	}
}

// TestAuthenticateWithoutUnit tests a client whose lifetime has no unit, and that no call of
// AddClient checked.
func TestAuthenticateWithoutUnit(t *testing.T) {
	lifetime := time.Duration(300)
	issuer := bearertest.NewUnstartedIssuer(&bearertest.Options{Authenticate: func(_ context.Context, id, _ string) (bearertest.Client, error) {
		return bearertest.Client{ID: id, Lifetime: lifetime}, nil
	}})
	defer issuer.Close()
	post := func() *httptest.ResponseRecorder {
		form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"a"}, "client_secret": {"b"}}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/oauth/token", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		issuer.Handler().ServeHTTP(w, r)
		return w
	}
	if w := post(); w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), "Client.Lifetime: 300 has no unit") {
		t.Errorf("got status %d and body %s, want 500 and the name of the field", w.Code, w.Body)
	}
	lifetime = 300 * time.Second
	if w := post(); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"expires_in":300`) {
		t.Errorf("with a unit: got status %d and body %s, want 200", w.Code, w.Body)
	}
}
