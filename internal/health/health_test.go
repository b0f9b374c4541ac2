package health_test

import (
	"slices"
	"testing"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/health"
	"github.com/bearerkit/bearer/jwks"
)

// reporter is a bearer.StatusReporter with fixed issuers.
type reporter []bearer.IssuerStatus

func (r reporter) Status() []bearer.IssuerStatus { return r }

func TestReady(t *testing.T) {
	fixed := bearer.IssuerStatus{Issuer: "fixed keys"}
	loaded := bearer.IssuerStatus{Issuer: "loaded", Keys: &jwks.Status{Ready: true}}
	empty := bearer.IssuerStatus{Issuer: "no keys yet", Keys: &jwks.Status{}}
	for name, row := range map[string]struct {
		issuers  reporter
		all, any bool
	}{
		"no issuer":                   {nil, false, false},
		"all issuers have keys":       {reporter{fixed, loaded}, true, true},
		"no issuer has keys":          {reporter{empty}, false, false},
		"one of two issuers has keys": {reporter{empty, loaded}, false, true},
		"the first of two has keys":   {reporter{loaded, empty}, false, true},
	} {
		issuers := health.Issuers(row.issuers)
		if all, some := health.Ready(issuers, false), health.Ready(issuers, true); all != row.all || some != row.any {
			t.Errorf("%s: got %v without anyIssuer and %v with anyIssuer, want %v without anyIssuer and %v with anyIssuer", name, all, some, row.all, row.any)
		}
	}
}

// embedding is a source of a different module. It has its own Status, and inherits Readiness.
type embedding struct{ *bearer.Issuers }

func (embedding) Status() []bearer.IssuerStatus {
	return []bearer.IssuerStatus{{Issuer: "own", Keys: &jwks.Status{
		Ready: true, Stale: true, Restored: true, Keys: make([]*jwks.Key, 3), LastSuccess: time.Unix(1, 0), Age: time.Hour,
	}}}
}

// TestSourcesOfOtherModules checks that the Status of a type that embeds *bearer.Issuers is
// used, and not the Readiness that the type inherits.
func TestSourcesOfOtherModules(t *testing.T) {
	got := slices.Collect(health.Issuers(embedding{new(bearer.Issuers)}))
	want := []bearer.IssuerReadiness{{Issuer: "own", Ready: true, Cached: true, Keys: jwks.Readiness{
		Ready: true, Stale: true, Restored: true, Keys: 3, LastSuccess: time.Unix(1, 0), Age: time.Hour,
	}}}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
