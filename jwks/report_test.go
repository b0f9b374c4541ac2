package jwks_test

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/jwks"
)

// recorder collects events.
type recorder struct {
	mu     sync.Mutex
	events []jwks.Event
}

func (r *recorder) add(e jwks.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// all returns the events. A cache calls Observe in its own goroutine, so all first waits until the
// other goroutines of the synctest bubble are blocked.
func (r *recorder) all() []jwks.Event {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

func (r *recorder) count(kind jwks.EventKind) (n int) {
	for _, e := range r.all() {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

// Errors, Status, events, log records and stored data do not contain the secrets in a URL.
func TestSecretsInURL(t *testing.T) {
	const url = keySetURL + "?appid=7&code=s3cret&t0k3n"
	synctest.Test(t, func(t *testing.T) {
		for name, change := range map[string]func(*issuer){
			"issuer is down":            func(i *issuer) { i.down = true },
			"status 500":                func(i *issuer) { i.status = 500 },
			"document is not a key set": func(i *issuer) { i.doc = []byte(`{}`) },
			"success":                   func(*issuer) {},
			"redirect to a URL with secrets": func(i *issuer) {
				i.status, i.header = 302, map[string][]string{"Location": {"https://other.test/?state=s3cret&t0k3n"}}
			},
		} {
			for _, discover := range []bool{false, true} {
				i := newIssuer(ecKey("a"))
				change(i)
				var log testkit.Buffer
				var events recorder
				o := options(i)
				store := &memoryStore{}
				o.Issuer, o.Store, o.Observe = "", store, events.add
				o.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
				construct := func() (*jwks.Cache, error) { return jwks.New(url, o) }
				if discover {
					o.MetadataURL = url
					construct = func() (*jwks.Cache, error) { return jwks.Discover("https://issuer.test", o) }
				}
				c, err := construct()
				if err != nil {
					t.Fatal(err)
				}
				_, err = c.Key(t.Context(), "b", "ES256")
				err = fmt.Errorf("%w %w", err, c.Refresh(t.Context()))
				_ = c.Close()
				seen := fmt.Sprintf("%v %+v %+v %s %s", err, c.Status(), events.all(), log.String(), store.data)
				for _, secret := range []string{"s3cret", "t0k3n"} {
					if strings.Contains(seen, secret) {
						t.Errorf("%s (discovery: %v): got output %s, want no %s", name, discover, seen, secret)
					}
				}
				if name == "issuer is down" && !strings.Contains(seen, "issuer.test/keys?appid=xxxxx&code=xxxxx&xxxxx") {
					t.Errorf("%s (discovery: %v): got output %s, want the redacted URL", name, discover, seen)
				}
			}
		}
	})
}

// A cache does not use keys that were stored for a different URL, even if the URLs differ only
// in the value of a query.
func TestStoreOfAnotherQuery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		store := &memoryStore{}
		outcomes := map[string]string{}
		for _, query := range []string{"?p=1", "?p=2", "?p=1"} {
			o := options(i)
			o.Store = store
			c, err := jwks.New(keySetURL+query, o)
			if err != nil {
				t.Fatal(err)
			}
			outcomes[query] = keyOutcome(t, c, "a")
			_ = c.Close()
			i.update(func(i *issuer) { i.down = true })
		}
		want(t, "outcomes of the lookups with each query", fmt.Sprint(outcomes), "map[?p=1:ok ?p=2:unavailable]")
	})
}

// The log record about denied fetches has the numbers of unknown kids and of signatures that no
// key verifies.
func TestDeniedFetchesLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		var log testkit.Buffer
		c := newCache(t, i, func(o *jwks.Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
		known, err := c.Lookup("a", "ES256")
		if err != nil {
			t.Fatal(err)
		}
		want(t, "lookup of the first kid", kidOutcome(t, c, "x"), "unknown")
		// The lookups that the issuer has answered are not denied.
		for range 10 {
			want(t, "lookup of the second kid", kidOutcome(t, c, "y"), "unknown")
		}
		for range 8 {
			want(t, "outcome of Key after all keys were tried", kidOutcome(t, c, "a", known...), "not asked")
		}
		time.Sleep(time.Minute)
		kidOutcome(t, c, "x")
		kidOutcome(t, c, "y")
		want(t, "lookup of the third kid", kidOutcome(t, c, "z"), "not asked")
		var records []string
		for record := range strings.Lines(log.String()) {
			if _, text, ok := strings.Cut(record, "no published key verifies"); ok {
				_, counts, _ := strings.Cut(text, "issuer=https://issuer.test ")
				records = append(records, strings.TrimSpace(counts))
			}
		}
		want(t, "counts in the log records", strings.Join(records, "; "), "unknown_kid=0 bad_signature=1; unknown_kid=1 bad_signature=7")
	})
}

// A Refreshed event has the numbers of usable keys and skipped elements. Each skipped
// element also has an event.
func TestSkippedKeyEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var events recorder
		i := newIssuer(ecKey("a"), jwk{"kty": "oct", "k": "AAAA", "kid": "s"}, jwk{"kty": "EC", "kid": "e"})
		newCache(t, i, func(o *jwks.Options) { o.Observe = events.add })
		var got []string
		for _, e := range events.all() {
			got = append(got, fmt.Sprint(e.Kind, " ", e.Keys, " ", e.SkippedCount, " ", e.SkippedKey.Index, e.SkippedKey.ID, e.SkippedKey.Private))
		}
		want(t, "events", strings.Join(got, "; "), "refreshed 1 2 0false; key_skipped 0 0 1strue; key_skipped 0 0 2efalse")
	})
}
