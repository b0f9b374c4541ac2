package jwks_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/jwks"
)

// outages are the ways in which an issuer does not work. Some of them are answers.
var outages = map[string]answerer{
	"down":         func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") },
	"hang":         hang,
	"503":          unavailable,
	"404":          func(r *http.Request) (*http.Response, error) { return response(r, 404, nil, nil), nil },
	"HTML":         serve([]byte("<html>")),
	"empty":        serve([]byte(`{"keys":[]}`)),
	"wrong issuer": serve([]byte(metadata("https://other.test", "https://other.test/keys"))),
}

// outage is an issuer that does not work until the time back.
type outage struct {
	*issuer
	down answerer
	back time.Time
}

// begin begins an outage of the duration d.
func (o *outage) begin(d time.Duration) {
	o.update(func(*issuer) { o.back = time.Now().Add(d) })
}

func (o *outage) RoundTrip(r *http.Request) (*http.Response, error) {
	o.mu.Lock()
	down := time.Now().Before(o.back)
	if down {
		o.requests = append(o.requests, time.Now())
	}
	o.mu.Unlock()
	if down {
		return o.down(r)
	}
	return o.issuer.RoundTrip(r)
}

// newOutage returns the issuer with its cache. The issuer serves metadata too. The outage begins
// before the start of the cache, and lasts for the duration d.
func newOutage(t *testing.T, discovery bool, down answerer, d time.Duration, change func(*jwks.Options)) (*outage, *jwks.Cache) {
	t.Helper()
	s := site{issuerURL + oidc: metadata(issuerURL, keysURL), keysURL: string(document(ecKey("a")))}
	o := &outage{issuer: &issuer{answer: s.answer, delay: 50 * time.Millisecond}, down: down, back: time.Now().Add(d)}
	opts := options(nil)
	opts.Transport = o
	change(opts)
	construct := func() (*jwks.Cache, error) { return jwks.New(keysURL, opts) }
	if discovery {
		opts.Issuer = ""
		construct = func() (*jwks.Cache, error) { return jwks.Discover(issuerURL, opts) }
	}
	c, err := construct()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return o, c
}

// The issuer does not work when the process starts, or until the keys are too old. A process that
// is not ready gets no requests, only readiness checks. It is ready within 5 s and the time of a
// fetch after the issuer works again, whenever that is.
func TestReadyAfterOutageWithoutRequests(t *testing.T) {
	for name, down := range outages {
		for _, discovery := range []bool{false, true} {
			for _, since := range []string{"start", "too old", "suspended"} {
				t.Run(fmt.Sprintf("%s; discovery %v; since %s", name, discovery, since), func(t *testing.T) {
					for n := range repeats(3) {
						synctest.Test(t, func(t *testing.T) {
							readyAfter(t, discovery, down, since, 10*time.Minute+time.Duration(n)*2900*time.Millisecond)
						})
					}
				})
			}
		}
	}
}

func readyAfter(t *testing.T, discovery bool, down answerer, since string, after time.Duration) {
	t.Helper()
	atStart := time.Duration(0)
	if since == "start" {
		atStart = after
	}
	o, c := newOutage(t, discovery, down, atStart, func(o *jwks.Options) { o.MaxStale = 2 * time.Hour })
	switch since {
	case "too old":
		time.Sleep(time.Second)
		o.begin(3*time.Hour + after)
		time.Sleep(3 * time.Hour)
	case "suspended":
		time.Sleep(time.Second)
		o.begin(after)
		jwks.Suspend(c, 24*time.Hour)
	}
	for time.Now().Before(o.back) {
		want(t, "Ready during the outage", c.Status().Ready, false)
		time.Sleep(time.Until(o.back)/2 + time.Second/2)
	}
	most := time.Until(o.back) + 5*time.Second + 200*time.Millisecond
	if strings.Contains(t.Name(), "hang") {
		most += 1250 * time.Millisecond // a request that was sent during the outage ends first
	}
	wantSoon(t, "keys", most, func() bool { return c.Status().Ready })
	asks, attempts := map[time.Time]bool{}, 0
	for _, at := range o.requestTimes() {
		if left := o.back.Sub(at); left > time.Minute && left <= 6*time.Minute && !asks[at] {
			asks[at] = true // requests of one attempt have the same time
			attempts++
		}
	}
	if attempts < 5*9 || attempts > 5*17 {
		t.Errorf("attempts in 5 min: got %d, want 45 to 85", attempts)
	}
}

// A failed refresh sets the time of the next one up to a minute later. If the keys become too old
// before, the next one begins then.
func TestStaleBeforeNextAttempt(t *testing.T) {
	for age := 119 * time.Minute; age < 120*time.Minute; age += 7 * time.Second {
		synctest.Test(t, func(t *testing.T) {
			o, c := newOutage(t, false, unavailable, 0, func(o *jwks.Options) { o.MaxStale = 2 * time.Hour })
			time.Sleep(time.Minute)
			o.begin(24 * time.Hour)
			time.Sleep(age - time.Minute)
			tooOld := c.Status().LastSuccess.Add(2 * time.Hour)
			o.begin(time.Until(tooOld))
			time.Sleep(time.Until(tooOld) + 5*time.Second + 200*time.Millisecond)
			want(t, "Ready", c.Status().Ready, true)
		})
	}
}

// Repeated failures are logged once per minute.
func TestFailuresAreLoggedOncePerMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(ecKey("a"))
		i.down = true
		var log testkit.Buffer
		c := newCache(t, i, func(o *jwks.Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute-time.Second)
		defer cancel()
		want(t, "outcome of Ready", outcome(c.Ready(ctx)), "unavailable")
		records := strings.Count(log.String(), "refresh failed")
		if records < 9 || records > 10 {
			t.Errorf("records in 10 min of %d failures: got %d, want 9 or 10", c.Status().Failures, records)
		}
		i.update(func(i *issuer) { i.down = false })
		want(t, "lookup", keyOutcome(t, c, "a"), "ok")
		synctest.Wait()
		before := strings.Count(log.String(), "refresh failed")
		i.update(func(i *issuer) { i.down = true })
		_ = c.Refresh(t.Context())
		synctest.Wait()
		want(t, "records of the first failure after a success", strings.Count(log.String(), "refresh failed")-before, 1)
	})
}
