package middleware_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/middleware"
)

// keySetDocument returns a key set with usable keys, and with elements that cannot be used.
func keySetDocument(tb testing.TB, keys, skipped int) string {
	tb.Helper()
	var elements []string
	for i := range keys {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			tb.Fatal(err)
		}
		point, err := key.PublicKey.Bytes()
		if err != nil {
			tb.Fatal(err)
		}
		encode := base64.RawURLEncoding.EncodeToString
		elements = append(elements, fmt.Sprintf(`{"kty":"EC","crv":"P-256","kid":"k%d","x":"%s","y":"%s"}`, i, encode(point[1:33]), encode(point[33:])))
	}
	for range skipped {
		elements = append(elements, `{"kty":"unknown"}`)
	}
	return `{"keys":[` + strings.Join(elements, ",") + `]}`
}

// documentTransport answers every request with the same document.
type documentTransport string

func (d documentTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(string(d))), Request: r}, nil
}

// downTransport never answers.
type downTransport struct{}

func (downTransport) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, io.ErrUnexpectedEOF
}

// manyIssuers returns issuers with the names https://0000.example, https://0001.example and so
// on. Each issuer has its own key cache. The issuers whose numbers are in down have no keys.
func manyIssuers(tb testing.TB, issuers int, document string, down ...int) *bearer.Issuers {
	tb.Helper()
	all := new(bearer.Issuers)
	tb.Cleanup(func() { _ = all.Close() })
	configs := make([]bearer.Config, issuers)
	for i := range configs {
		opts := &jwks.Options{Transport: documentTransport(document), Logger: slog.New(slog.DiscardHandler)}
		if slices.Contains(down, i) {
			opts.Transport = downTransport{}
		}
		cache, err := jwks.New("https://keys.example", opts)
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { _ = cache.Close() })
		if !slices.Contains(down, i) {
			if err := cache.Ready(tb.Context()); err != nil {
				tb.Fatal(err)
			}
		}
		configs[i] = bearer.Config{Issuer: fmt.Sprintf("https://%04d.example", i), Audience: []string{"api"}, Keys: cache}
	}
	if err := all.Add(configs...); err != nil {
		tb.Fatal(err)
	}
	return all
}

// discarding is a response whose body is discarded.
type discarding struct{ header http.Header }

func (d discarding) Header() http.Header       { return d.header }
func (discarding) Write(p []byte) (int, error) { return len(p), nil }
func (discarding) WriteHeader(int)             {}
func newProbe() (discarding, *http.Request) {
	return discarding{http.Header{}}, httptest.NewRequest(http.MethodGet, "/", http.NoBody)
}

// readinessSizes contains pairs of services. The second service of a pair is much larger than the
// first service.
var readinessSizes = []struct {
	name                   string
	issuers, keys, skipped int
	most                   float64 // the maximum number of allocations of a request
}{
	{"7 keys", 1, 7, 0, 16},
	{"700 keys", 1, 700, 0, 16},
	{"7 skipped keys", 1, 1, 7, 16},
	{"700 skipped keys", 1, 1, 700, 16},
	{"1 issuer", 1, 1, 0, 16},
	{"100 issuers", 100, 1, 0, 128},
	{"2000 issuers", 2000, 1, 0, 16},
}

// TestReadinessAllocations checks that the allocations of a request do not grow with the number
// of keys. They grow by one for each listed issuer.
func TestReadinessAllocations(t *testing.T) {
	if testkit.RaceEnabled {
		t.Skip("the race detector allocates")
	}
	for _, row := range readinessSizes {
		h := newReadiness(t, manyIssuers(t, row.issuers, keySetDocument(t, row.keys, row.skipped)), nil)
		w, r := newProbe()
		if n := testing.AllocsPerRun(100, func() { h.ServeHTTP(w, r) }); n > row.most {
			t.Errorf("%s: got %v allocations, want at most %v", row.name, n, row.most)
		}
	}
}

// BenchmarkReadiness measures one request to services of different sizes.
func BenchmarkReadiness(b *testing.B) {
	for _, row := range readinessSizes {
		issuers := manyIssuers(b, row.issuers, keySetDocument(b, row.keys, row.skipped))
		h, err := middleware.NewReadiness(issuers, nil)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(strings.ReplaceAll(row.name, " ", "_"), func(b *testing.B) {
			w, r := newProbe()
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(w, r)
			}
		})
	}
}

// TestReadinessOfManyIssuers checks the answer if there are more issuers than the answer lists.
// The answer must list the issuers without keys.
func TestReadinessOfManyIssuers(t *testing.T) {
	document := keySetDocument(t, 1, 0)
	for _, row := range []struct {
		issuers           int
		down              []int
		status, notListed int
		first             string // the first issuer in the list
	}{
		{100, []int{99}, 503, 0, "https://0000.example"},
		{150, nil, 200, 50, "https://0000.example"},
		{150, []int{3, 149}, 503, 50, "https://0003.example"},
	} {
		status, body := probe(newReadiness(t, manyIssuers(t, row.issuers, document, row.down...), nil), http.MethodGet)
		var answer struct {
			Ready   bool
			Issuers []struct {
				Issuer string
				Ready  bool
			}
			NotListed int `json:"issuers_not_listed"`
		}
		if err := json.Unmarshal([]byte(body), &answer); err != nil {
			t.Fatal(err)
		}
		missing, seen := 0, map[string]bool{}
		for _, issuer := range answer.Issuers {
			seen[issuer.Issuer] = true
			if !issuer.Ready {
				missing++
			}
		}
		if status != row.status || answer.Ready != (status == 200) || answer.NotListed != row.notListed || len(seen) != 100 ||
			len(answer.Issuers) != 100 || answer.Issuers[0].Issuer != row.first || missing != len(row.down) {
			t.Errorf("%d issuers, down: %v: got status %d, %d listed issuers (%d without keys) and the body %s", row.issuers, row.down, status, len(answer.Issuers), missing, body)
		}
	}
}

// countingSource is a source with many issuers that counts the calls of Status.
type countingSource struct {
	issuers []bearer.IssuerStatus
	calls   int
}

func (s *countingSource) Status() []bearer.IssuerStatus {
	s.calls++
	return s.issuers
}

// TestReadinessIsBuiltOncePerSecond checks that the handler repeats the answer for many issuers,
// for at most 1 s, and that it builds each answer for 100 issuers.
func TestReadinessIsBuiltOncePerSecond(t *testing.T) {
	for issuers, want := range map[int]int{100: 20, 101: 2} {
		synctest.Test(t, func(t *testing.T) {
			source := &countingSource{issuers: make([]bearer.IssuerStatus, issuers)}
			h := newReadiness(t, source, nil)
			for range 10 {
				if status, _ := probe(h, http.MethodGet); status != http.StatusOK {
					t.Errorf("got status %d, want 200", status)
				}
			}
			source.issuers[issuers-1].Keys = &jwks.Status{}
			time.Sleep(time.Second)
			for range 10 {
				if status, _ := probe(h, http.MethodGet); status != http.StatusServiceUnavailable {
					t.Errorf("an issuer without keys: got status %d, want 503", status)
				}
			}
			if source.calls != want {
				t.Errorf("%d issuers: got %d calls of Status, want %d", issuers, source.calls, want)
			}
		})
	}
}
