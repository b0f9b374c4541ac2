package bearer_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/jwks"
)

// datedTransport sets the field Date of each answer to the clock of an issuer. This machine's clock is
// ahead of the issuer's clock by the duration ahead.
type datedTransport struct {
	next  http.RoundTripper
	ahead time.Duration
}

func (d datedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := d.next.RoundTrip(r)
	if err == nil {
		response.Header.Set("Date", time.Now().Add(-d.ahead).UTC().Format(http.TimeFormat))
	}
	return response, err
}

// TestWrongClock tests that the detail and the advice name a wrong clock of this machine, and only
// if it is wrong in the direction that can explain the refusal.
func TestWrongClock(t *testing.T) {
	const (
		isAhead  = "his machine's clock is about 3m12s ahead of the issuer's clock"
		isBehind = "his machine's clock is about 3m12s behind the issuer's clock"
	)
	ahead, behind := 192*time.Second, -192*time.Second
	for _, row := range []struct {
		name      string
		ahead     time.Duration
		exp, iat  time.Duration // relative to the clock of this machine
		maxAge    time.Duration
		want      string // in the detail and in the advice; "" means that neither names the clock
		isValid   bool   // the advice says that the token is valid by the clock of the issuer
		isUnknown bool   // no answer has arrived that shows the clock
	}{
		{"exp, ahead", ahead, -time.Minute, -time.Hour, 0, isAhead, true, false},
		{"exp an hour ago, ahead", ahead, -time.Hour, -2 * time.Hour, 0, isAhead, false, false},
		{"exp, behind", behind, -time.Minute, -time.Hour, 0, "", false, false},
		{"exp, right clock", 0, -time.Minute, -time.Hour, 0, "", false, false},
		{"exp, ahead, one answer", ahead, -time.Minute, -time.Hour, 0, "", false, true},
		{"iat, behind", behind, time.Hour, 2 * time.Minute, 0, isBehind, true, false},
		{"iat, behind, one answer", behind, time.Hour, 2 * time.Minute, 0, isBehind, true, true},
		{"iat in an hour, behind", behind, 2 * time.Hour, time.Hour, 0, isBehind, false, false},
		{"iat, ahead", ahead, time.Hour, 2 * time.Minute, 0, "", false, false},
		{"age, ahead", ahead, time.Hour, -11 * time.Minute, 10 * time.Minute, isAhead, true, false},
	} {
		for _, several := range []bool{false, true} {
			t.Run(fmt.Sprint(row.name, ", sources ", several), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					time.Sleep(300 * time.Millisecond) // at a whole second, the difference of a truncated Date is a tie
					issuer := bearertest.NewUnstartedIssuer(&bearertest.Options{Audience: []string{audience}, Algorithms: []string{"EdDSA"}})
					defer issuer.Close()
					quiet := slog.New(slog.DiscardHandler)
					cache, err := jwks.New(issuer.KeysURL(), &jwks.Options{Transport: datedTransport{issuer.Transport(), row.ahead}, Logger: quiet})
					if err != nil {
						t.Fatal(err)
					}
					defer cache.Close()
					var keys bearer.KeySet = cache
					if several {
						keys = &jwks.Sources{Caches: []*jwks.Cache{cache}}
					}
					v, err := bearer.New(bearer.Config{Issuer: issuer.URL(), Audience: []string{audience}, Keys: keys, MaxAge: row.maxAge, Logger: quiet})
					if err != nil {
						t.Fatal(err)
					}
					if err := v.Ready(t.Context()); err != nil {
						t.Fatal(err)
					}
					if !row.isUnknown {
						time.Sleep(time.Hour)
					}
					now := time.Now()
					token := issuer.Token(members{"exp": now.Add(row.exp).Unix(), "iat": now.Add(row.iat).Unix()})
					checkWrongClock(t, v, token, row.want, row.isValid)
				})
			})
		}
	}
}

func checkWrongClock(t *testing.T, v *bearer.JWTVerifier, token, want string, isValid bool) {
	t.Helper()
	_, err := v.Verify(t.Context(), token)
	x := bearer.Explain(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + token}})
	if err == nil || x.Reason == "" {
		t.Fatalf("got error %v and reason %q, want a refusal", err, x.Reason)
	}
	advice := ""
	for _, check := range x.Checks {
		if check.Reason == x.Reason {
			advice = check.Advice
			break
		}
	}
	for name, text := range map[string]string{"error": err.Error(), "detail": x.Detail, "advice": advice} {
		if want == "" && strings.Contains(text, "clock is about") || !strings.Contains(text, want) {
			t.Errorf("%s: got %q, want %q in it (\"\" means no clock)", name, text, want)
		}
	}
	if want != "" && !strings.HasPrefix(advice, "T"+want) {
		t.Errorf("got advice %q, want it to begin with the clock", advice)
	}
	if got := strings.Contains(advice, "By the issuer's clock, the token is valid now. Correct this machine's clock"); got != isValid {
		t.Errorf("got advice %q, which says that the token is valid: %v, want %v", advice, got, isValid)
	}
}
