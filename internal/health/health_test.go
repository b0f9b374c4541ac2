package health_test

import (
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/health"
	"github.com/bearerkit/bearer/jwks"
)

func TestReady(t *testing.T) {
	fixed := bearer.IssuerStatus{Issuer: "fixed keys"}
	loaded := bearer.IssuerStatus{Issuer: "loaded", Keys: &jwks.Status{Ready: true}}
	idle := bearer.IssuerStatus{Issuer: "on demand", Keys: &jwks.Status{Idle: true}}
	sources := bearer.IssuerStatus{Issuer: "sources", Sources: []jwks.Status{{}, {Ready: true}}}
	noSource := bearer.IssuerStatus{Issuer: "sources without keys", Sources: []jwks.Status{{}, {}}}
	empty := bearer.IssuerStatus{Issuer: "no keys yet", Keys: &jwks.Status{}}
	for name, row := range map[string]struct {
		issuers  []bearer.IssuerStatus
		all, any bool
	}{
		"no issuer":                   {nil, false, false},
		"all issuers have keys":       {[]bearer.IssuerStatus{fixed, loaded}, true, true},
		"keys on demand":              {[]bearer.IssuerStatus{idle}, true, true},
		"one of two sources has keys": {[]bearer.IssuerStatus{sources}, true, true},
		"no source has keys":          {[]bearer.IssuerStatus{noSource}, false, false},
		"no issuer has keys":          {[]bearer.IssuerStatus{empty}, false, false},
		"one of two issuers has keys": {[]bearer.IssuerStatus{empty, loaded}, false, true},
	} {
		if all, some := health.Ready(row.issuers, false), health.Ready(row.issuers, true); all != row.all || some != row.any {
			t.Errorf("%s: got %v without anyIssuer and %v with anyIssuer, want %v without anyIssuer and %v with anyIssuer", name, all, some, row.all, row.any)
		}
	}
}
