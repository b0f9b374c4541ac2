package bearer_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bearerkit/bearer"
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

// Invalid Limits are an error of Add, which starts no fetch.
func TestIssuersBadLimits(t *testing.T) {
	issuers := &bearer.Issuers{Limits: jwks.Limits{MaxFetches: -1}}
	err := issuers.Add(bearer.Config{Issuer: "https://a.example", Audience: []string{"api"}})
	if err == nil || !strings.Contains(err.Error(), "Limits.MaxFetches: -1 is negative") {
		t.Errorf("Add: got error %v, want an error about Limits.MaxFetches", err)
	}
}
