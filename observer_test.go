package bearer_test

import (
	"context"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/jwks"
)

// nilObserver has no nil-safe method: told of anything, it would panic.
type nilObserver struct{ told int }

func (o *nilObserver) Observe(context.Context, bearer.Event) { o.told++ }

// TestNilObserver wants a nil observer to be found where it is configured, not by
// the first request.
func TestNilObserver(t *testing.T) {
	issuer := newIssuer(t)
	cfg := testkit.Config(t, issuer)
	var none *nilObserver

	cfg.Observer = bearer.Observers{&nilObserver{}, nil, none, bearer.Observers{nil}}
	_, err := bearer.New(cfg)
	testkit.WantError(t, "Observers", err, "observer 2 is nil", "observer 3 is nil", "observer 4: observer 1 is nil")
	cfg.Observer = bearer.Observers{}
	_, err = bearer.New(cfg)
	testkit.WantError(t, "Observers of none", err, "an empty list")
	cfg.Observer = nil

	issuers := bearer.Issuers{Observer: none}
	testkit.WantError(t, "Issuers.Add", issuers.Add(cfg), "Issuers.Observer: a nil *bearer_test.nilObserver")

	cfg.Observer = none
	_, err = bearer.New(cfg)
	testkit.WantError(t, "New", err, "Config.Observer: a nil *bearer_test.nilObserver")
}

// TestObservers requires each observer to be told of each outcome, in order.
func TestObservers(t *testing.T) {
	var told []string
	as := func(name string) bearer.Observer {
		return bearer.ObserverFunc(func(_ context.Context, e bearer.Event) { told = append(told, name+" "+string(e.Reason)) })
	}
	v := newVerifier(t, newIssuer(t), func(cfg *bearer.Config) { cfg.Observer = bearer.Observers{as("first"), as("second")} })
	if _, err := v.Verify(t.Context(), "not a token"); err == nil {
		t.Fatal("got no error, want one")
	}
	if got, want := strings.Join(told, ", "), "first malformed, second malformed"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestStatus wants a verifier and several issuers to be described alike.
func TestStatus(t *testing.T) {
	issuer := newIssuer(t)
	v := newVerifier(t, issuer, nil)
	status := v.Status()
	if len(status) != 1 || status[0].Issuer != issuer.URL() || status[0].Profile != "RFC 9068" || !status[0].Ready() {
		t.Errorf("got %+v, want one issuer, %s, ready by its fixed set", status, issuer.URL())
	}
	keys := &jwks.Status{}
	if (bearer.IssuerStatus{Keys: keys}).Ready() {
		t.Error("got ready, want not: the cache has no keys")
	}
	if keys.Ready = true; !(bearer.IssuerStatus{Keys: keys}).Ready() {
		t.Error("got not ready, want ready")
	}
}
