package incident_test

import (
	"math"
	"testing"
	"time"

	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/incident"
)

func TestBearer(t *testing.T) {
	issuer := bearertest.NewIssuer(&bearertest.Options{Algorithms: []string{"ES256"}, Audience: []string{"api"}})
	defer issuer.Close()
	setup := incident.Setup{Issuer: issuer.URL(), Audience: "api", KeysURL: issuer.KeysURL()}
	v, err := incident.Bearer.Open(setup)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	check := func(name string, v incident.Verifier, token string, want incident.Outcome) {
		t.Helper()
		if got := v.Verify(t.Context(), token); got != want {
			t.Errorf("%s: got outcome %d, want %d", name, got, want)
		}
	}
	check("valid token", v, issuer.Token(nil), incident.Accepted)
	check("forged token", v, issuer.Forge(nil, nil), incident.Refused)
	check("token for a different audience", v, issuer.Token(map[string]any{"aud": "other"}), incident.Refused)
	check("expired token", v, issuer.Token(map[string]any{"exp": 1}), incident.Refused)
	issuer.Inject(bearertest.KeysEndpoint, bearertest.Fault{Abort: true})
	withoutKeys, err := incident.Bearer.Open(setup)
	if err != nil {
		t.Fatal(err)
	}
	defer withoutKeys.Close()
	check("valid token, verifier without keys", withoutKeys, issuer.Token(nil), incident.Unavailable)
	if _, err := incident.Bearer.Open(incident.Setup{}); err == nil {
		t.Error("Open with an empty Setup: got no error, want an error")
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 123_456: "123,456", 1_234_567: "1,234,567", -100: "-100", -1000: "-1,000"} {
		if got := incident.Thousands(n); got != want {
			t.Errorf("Thousands(%d): got %s, want %s", n, got, want)
		}
	}
}

func TestShort(t *testing.T) {
	for _, tt := range [][2]time.Duration{
		{0, 0},
		{999, 999},
		{1234567, 1230000},
		{-5, -5},
		{time.Hour + time.Second, time.Hour},
		{math.MaxInt64, 9220000000 * time.Second}, // an unlimited loop, before
	} {
		if got := incident.Short(tt[0]); got != tt[1] {
			t.Errorf("Short(%d): got %d, want %d", tt[0], got, tt[1])
		}
	}
}
