package bearer_test

import (
	"slices"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
)

func TestDescription(t *testing.T) {
	a, b := bearertest.NewIssuer(nil), bearertest.NewIssuer(nil)
	defer a.Close()
	defer b.Close()
	var issuers bearer.Issuers
	defer issuers.Close()
	for _, cfg := range []bearer.Config{
		{Issuer: a.URL(), Audience: []string{"https://api.example", "deployments"}},
		{Issuer: b.URL(), Audience: []string{"deployments"}},
	} {
		if err := issuers.Add(cfg); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{a.URL(), b.URL()}
	slices.Sort(want)
	if got := issuers.AuthorizationServers(); !slices.Equal(got, want) {
		t.Errorf("got issuers %q, want %q", got, want)
	}
	if got, want := issuers.Audience(), []string{"deployments", "https://api.example"}; !slices.Equal(got, want) {
		t.Errorf("got audience %q, want %q", got, want)
	}
	issuers.Remove(a.URL())
	if got, want := issuers.AuthorizationServers(), []string{b.URL()}; !slices.Equal(got, want) {
		t.Errorf("after Remove: got issuers %q, want %q", got, want)
	}

	v, err := bearer.New(bearer.Config{Issuer: a.URL(), Audience: []string{"deployments"}})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if got, want := v.AuthorizationServers(), []string{a.URL()}; !slices.Equal(got, want) {
		t.Errorf("verifier: got issuers %q, want %q", got, want)
	}
	v.Audience()[0] = "changed"
	if got := v.Audience(); got[0] != "deployments" {
		t.Errorf("got audience %q after a change by the caller, want the configured audience", got)
	}
}
