package bearer_test

import (
	"context"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/jwks"
)

// nilObserver is an observer whose method Observe panics if the receiver is nil.
type nilObserver struct{ events int }

func (o *nilObserver) Observe(context.Context, bearer.Event) { o.events++ }

// TestNilObserver tests that New and Issuers.Add return an error for a nil observer, because
// a nil observer panics in each request.
func TestNilObserver(t *testing.T) {
	issuer := newIssuer(t)
	cfg := testkit.Config(t, issuer)
	var none *nilObserver

	cfg.Observer = bearer.Observers{&nilObserver{}, nil, none, bearer.Observers{nil}}
	_, err := bearer.New(cfg)
	testkit.WantError(t, "Observers with nil elements", err, "observer 2 is nil", "observer 3 is nil", "observer 4: observer 1 is nil")
	cfg.Observer = bearer.Observers{}
	_, err = bearer.New(cfg)
	testkit.WantError(t, "empty Observers", err, "an empty list")
	cfg.Observer = nil

	issuers := bearer.Issuers{Observer: none}
	testkit.WantError(t, "Issuers.Add", issuers.Add(cfg), "Issuers.Observer: a nil *bearer_test.nilObserver")

	cfg.Observer = none
	_, err = bearer.New(cfg)
	testkit.WantError(t, "New", err, "Config.Observer: a nil *bearer_test.nilObserver")
}

// TestObservers tests that Observers passes each event to each observer, in order.
func TestObservers(t *testing.T) {
	var events []string
	as := func(name string) bearer.Observer {
		return bearer.ObserverFunc(func(_ context.Context, e bearer.Event) { events = append(events, name+" "+string(e.Reason)) })
	}
	v := newVerifier(t, newIssuer(t), func(cfg *bearer.Config) { cfg.Observer = bearer.Observers{as("first"), as("second")} })
	if _, err := v.Verify(t.Context(), "not a token"); err == nil {
		t.Fatal("got no error, want one")
	}
	if got, want := strings.Join(events, ", "), "first malformed, second malformed"; got != want {
		t.Errorf("got events %q, want %q", got, want)
	}
}

// TestStatus tests the status of a verifier with a fixed key set, and IssuerStatus.Ready.
func TestStatus(t *testing.T) {
	issuer := newIssuer(t)
	v := newVerifier(t, issuer, nil)
	status := v.Status()
	if len(status) != 1 || status[0].Issuer != issuer.URL() || status[0].Profile != "RFC 9068" || !status[0].Ready() {
		t.Errorf("got status %+v, want one issuer %s that is ready because its key set is fixed", status, issuer.URL())
	}
	keys := &jwks.Status{}
	if (bearer.IssuerStatus{Keys: keys}).Ready() {
		t.Error("Ready of a key cache without keys: got true, want false")
	}
	if keys.Ready = true; !(bearer.IssuerStatus{Keys: keys}).Ready() {
		t.Error("Ready of a key cache with keys: got false, want true")
	}
}
