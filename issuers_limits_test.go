package bearer_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/jwks"
)

// The caches of all issuers of one Issuers share Issuers.Limits.
func TestIssuersShareLimits(t *testing.T) {
	const count, limit = 40, 3
	var mu sync.Mutex
	var inFlight, most int
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		inFlight++
		most = max(most, inFlight)
		mu.Unlock()
		time.Sleep(2 * time.Millisecond) // other requests arrive while this request is in flight
		name, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		if strings.HasSuffix(r.URL.Path, "/keys") {
			_, _ = fmt.Fprint(w, `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`)
		} else {
			_, _ = fmt.Fprintf(w, `{"issuer":"%s/%s","jwks_uri":"%s/%s/keys"}`, server.URL, name, server.URL, name) //nolint:gosec // the client is the test
		}
		mu.Lock()
		inFlight--
		mu.Unlock()
	}))
	defer server.Close()
	issuers := &bearer.Issuers{Limits: jwks.Limits{MaxFetches: limit}}
	defer func() { _ = issuers.Close() }()
	var configs []bearer.Config
	for i := range count {
		configs = append(configs, bearer.Config{Issuer: fmt.Sprintf("%s/%d", server.URL, i), Audience: []string{"api"}})
	}
	if err := issuers.Add(configs...); err != nil {
		t.Fatal(err)
	}
	if err := issuers.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := issuers.Replace(configs...); err != nil { // Replace keeps the caches
		t.Fatal(err)
	}
	if err := issuers.Refresh(t.Context()); err != nil {
		t.Error(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if most != limit {
		t.Errorf("requests in flight: got %d, want %d", most, limit)
	}
}

// Invalid Limits are one error of Add, which names the field of Issuers. Add starts no fetch.
func TestIssuersBadLimits(t *testing.T) {
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) }))
	defer server.Close()
	configs := []bearer.Config{
		{Issuer: server.URL + "/a", Audience: []string{"api"}},
		{Issuer: server.URL + "/b", Audience: []string{"api"}},
	}
	for _, row := range []struct {
		limits *jwks.Limits
		want   string
	}{
		{&jwks.Limits{MaxFetches: -1}, "bearer: Issuers.Limits.MaxFetches: -1 is negative; want 0 for the default, or a positive number"},
		{
			&jwks.Limits{MaxBytesPerSecond: 4},
			"bearer: Issuers.Limits.MaxBytesPerSecond: 4 is 4 bytes per second, and the least value is 65536; did you mean 4<<20?",
		},
	} {
		var issuers bearer.Issuers
		issuers.Limits.MaxFetches, issuers.Limits.MaxBytesPerSecond = row.limits.MaxFetches, row.limits.MaxBytesPerSecond
		if err := issuers.Add(configs...); err == nil || err.Error() != row.want {
			t.Errorf("Add: got error %v, want %s", err, row.want)
		}
		err := issuers.Add(bearer.Config{Issuer: "https://a.example"})
		testkit.WantError(t, "Add of a Config without an audience", err, "Issuers.Limits", "Config.Audience")
		if err := issuers.Close(); err != nil {
			t.Error(err)
		}
	}
	time.Sleep(20 * time.Millisecond) // enough for a fetch
	if n := requests.Load(); n != 0 {
		t.Errorf("got %d requests to the issuers, want none", n)
	}
}
