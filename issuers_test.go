package bearer_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/testkit"
)

// twoIssuers returns the issuers A and B and a configuration for each issuer. The keys of both
// issuers have the same kid.
func twoIssuers(t *testing.T) (a, b *bearertest.Issuer, cfgA, cfgB bearer.Config) {
	t.Helper()
	newOne := func(name string) (*bearertest.Issuer, bearer.Config) {
		issuer := bearertest.NewUnstartedIssuer(&bearertest.Options{
			Issuer: "https://" + name + ".example", Audience: []string{audience}, Algorithms: []string{"EdDSA"},
			KeyID: func() string { return "1" },
		})
		t.Cleanup(issuer.Close)
		return issuer, testkit.Config(t, issuer)
	}
	a, cfgA = newOne("a")
	b, cfgB = newOne("b")
	return a, b, cfgA, cfgB
}

func TestSeveralIssuers(t *testing.T) {
	a, b, cfgA, cfgB := twoIssuers(t)
	cfgB.Algorithms, cfgB.Audience = []string{"EdDSA"}, []string{"b-only"}
	var issuers bearer.Issuers
	defer func() {
		if err := issuers.Close(); err != nil {
			t.Error(err)
		}
	}()
	verify := func(token string) bearer.Reason {
		_, err := issuers.Verify(t.Context(), token)
		return reasonOf(t, err)
	}
	if got := verify(a.Token(nil)); got != bearer.WrongIssuer {
		t.Errorf("zero Issuers: got reason %q, want %q", got, bearer.WrongIssuer)
	}
	for _, cfg := range []bearer.Config{cfgA, cfgB} {
		if err := issuers.Add(cfg); err != nil {
			t.Fatal(err)
		}
	}
	forB := members{"aud": "b-only"}
	for _, row := range []struct {
		name, token string
		want        bearer.Reason
	}{
		{"token of A", a.Token(nil), ""},
		{"token of B", b.Token(forB), ""},
		{"token of B for A's audience", b.Token(nil), bearer.WrongAudience},
		{"iss is A, but B signed the token with a key of the same kid", b.Token(members{"iss": a.URL()}), bearer.BadSignature},
		{"iss is B, but A signed the token with a key of the same kid", a.Token(members{"iss": b.URL(), "aud": "b-only"}), bearer.BadSignature},
		{"unknown issuer", a.Token(members{"iss": "https://c.example"}), bearer.WrongIssuer},
		{"iss with a trailing slash", a.Token(members{"iss": a.URL() + "/"}), bearer.WrongIssuer},
		{"iss is an array of both issuers", a.Token(members{"iss": []string{a.URL(), b.URL()}}), bearer.WrongIssuer},
		{"no iss", a.Token(members{"iss": nil}), bearer.WrongIssuer},
		{"empty token", "", bearer.NoToken},
	} {
		if got := verify(row.token); got != row.want {
			t.Errorf("%s: got reason %q, want %q", row.name, got, row.want)
		}
	}
	if _, err := issuers.Verify(t.Context(), a.Token(members{"iss": a.URL() + "/"})); !strings.Contains(err.Error(), `the configured issuer "https://a.example": the slash`) {
		t.Errorf("iss with a trailing slash: got error %v, want an error that names the configured issuer", err)
	}
	var names []string
	for _, status := range issuers.Status() {
		names = append(names, status.Issuer+" "+status.Profile)
	}
	if want := []string{"https://a.example RFC 9068", "https://b.example RFC 9068"}; !slices.Equal(names, want) {
		t.Errorf("Status: got %q, want %q", names, want)
	}
	if err := issuers.Add(cfgA); err == nil {
		t.Error("second Add of an issuer: got no error, want one")
	}
	if !issuers.Remove(a.URL()) || issuers.Remove(a.URL()) {
		t.Error("two calls of Remove for one issuer: want true from the first call and false from the second call")
	}
	if got := verify(a.Token(nil)); got != bearer.WrongIssuer {
		t.Errorf("token of the removed issuer: got reason %q, want %q", got, bearer.WrongIssuer)
	}
	if got := verify(b.Token(forB)); got != "" {
		t.Errorf("token of the other issuer: got reason %q, want none", got)
	}
}

func TestIssuersErrors(t *testing.T) {
	_, _, cfgA, _ := twoIssuers(t)
	var issuers bearer.Issuers
	if err := issuers.Add(bearer.Config{}); err == nil {
		t.Error("Add of an invalid configuration: got no error, want one")
	}
	google := cfgA
	google.Issuer, google.Profile, google.Tenants = "https://accounts.google.com", bearer.Google, []string{"107145139691231222712"}
	if err := issuers.Add(google); err != nil {
		t.Fatal(err)
	}
	alias := google
	alias.Issuer = "accounts.google.com"
	if err := issuers.Add(alias); err == nil || !strings.Contains(err.Error(), "accounts.google.com") {
		t.Errorf("Add of an alias of an added issuer: got error %v, want an error that names the alias", err)
	}
	if err := issuers.Close(); err != nil {
		t.Error(err)
	}
	if err := issuers.Add(cfgA); err == nil {
		t.Error("Add after Close: got no error, want one")
	}
}

// TestAddAllOrNone tests that Add reports all problems of several configurations in one
// error. If there is a problem, Add must add none of the issuers.
func TestAddAllOrNone(t *testing.T) {
	a, b, cfgA, cfgB := twoIssuers(t)
	var issuers bearer.Issuers
	if err := issuers.Add(); err != nil {
		t.Errorf("Add without configurations: got error %v, want none", err)
	}
	if err := issuers.Add(cfgA); err != nil {
		t.Fatal(err)
	}
	noAudience, google, alias := cfgB, cfgB, cfgB
	noAudience.Issuer, noAudience.Audience, noAudience.MaxAge = "https://c.example", nil, -1
	google.Issuer, google.Profile, google.Tenants = "https://accounts.google.com", bearer.Google, []string{"107145139691231222712"}
	alias.Issuer, alias.InsecureAnyTenant = "accounts.google.com", true
	err := issuers.Add(cfgB, cfgB, noAudience, cfgA, google, alias)
	if err == nil {
		t.Fatal("got no error, want one")
	}
	for _, want := range []string{
		`issuer "https://b.example": there are two configurations`, `issuer "https://c.example": Config.Audience`, `issuer "https://c.example": Config.MaxAge`,
		`issuer "https://a.example": the issuer was added before`, `issuer "accounts.google.com": "accounts.google.com" was added before, as an alias of "https://accounts.google.com"`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want %q in the text", err, want)
		}
	}
	if got := len(issuers.Status()); got != 1 {
		t.Errorf("got %d issuers after a failed Add, want 1", got)
	}
	if _, err := issuers.Verify(t.Context(), b.Token(nil)); !errors.Is(err, bearer.WrongIssuer) {
		t.Errorf("token of issuer B after Add for issuer B failed: got error %v, want reason %q", err, bearer.WrongIssuer)
	}
	if err := issuers.Add(cfgB, google); err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{a.Token(nil), b.Token(nil)} {
		if _, err := issuers.Verify(t.Context(), token); err != nil {
			t.Error(err)
		}
	}
	if err := issuers.Close(); err != nil {
		t.Error(err)
	}
}

// TestIssuersObserver tests that Issuers.Observer receives all events, and that the observer
// of an issuer receives only the events of this issuer.
func TestIssuersObserver(t *testing.T) {
	a, b, cfgA, cfgB := twoIssuers(t)
	var all, onlyA testkit.Recorder
	cfgA.Observer = &onlyA
	issuers := bearer.Issuers{Observer: &all}
	for _, cfg := range []bearer.Config{cfgA, cfgB} {
		if err := issuers.Add(cfg); err != nil {
			t.Fatal(err)
		}
	}
	for _, token := range []string{a.Token(nil), a.Token(members{"exp": 1}), b.Token(nil), b.Token(members{"iss": "c"})} {
		_, _ = issuers.Verify(t.Context(), token) // the test compares the events of the observers below
	}
	var got []string
	for _, e := range all.Take() {
		got = append(got, e.Issuer+" "+string(e.Reason))
	}
	if want := []string{a.URL() + " ", a.URL() + " expired", b.URL() + " ", " issuer"}; !slices.Equal(got, want) {
		t.Errorf("got events %q, want %q", got, want)
	}
	if events := onlyA.Take(); len(events) != 2 {
		t.Errorf("A's observer: got %d events, want 2", len(events))
	}
}

// TestIssuersWhileRunning adds and removes issuer B while tokens of issuers A and B arrive.
// The verifier must accept every token of A.
func TestIssuersWhileRunning(t *testing.T) {
	a, b, cfgA, cfgB := twoIssuers(t)
	var issuers bearer.Issuers
	if err := issuers.Add(cfgA); err != nil {
		t.Fatal(err)
	}
	tokenA, tokenB := a.Token(nil), b.Token(nil)
	var over atomic.Bool // A context cannot replace this variable, because requests fail when a context is canceled.
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for !over.Load() {
				if _, err := issuers.Verify(t.Context(), tokenA); err != nil {
					t.Errorf("token of A: got error %v, want none", err)
					return
				}
				if _, err := issuers.Verify(t.Context(), tokenB); err != nil && !errors.Is(err, bearer.WrongIssuer) {
					t.Errorf("token of B: got error %v, want none or reason %q", err, bearer.WrongIssuer)
					return
				}
			}
		})
	}
	for range 200 {
		if err := issuers.Add(cfgB); err != nil {
			t.Error(err)
		}
		if _, err := issuers.Verify(t.Context(), tokenB); err != nil {
			t.Errorf("after Add: got error %v, want none", err)
		}
		issuers.Remove(b.URL())
		if _, err := issuers.Verify(t.Context(), tokenB); !errors.Is(err, bearer.WrongIssuer) {
			t.Errorf("after Remove: got error %v, want reason %q", err, bearer.WrongIssuer)
		}
	}
	over.Store(true)
	wg.Wait()
}

// TestRemoveWhileVerifying removes an issuer while one of its tokens is being verified, and
// adds the issuer again with a different audience. The running verification may still accept
// the token. A later request must not get this verdict. The request must not read the verdict
// from the cache, and must not wait for the running verification.
func TestRemoveWhileVerifying(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _, cfg, _ := twoIssuers(t)
		token := a.Token(nil)
		proceed := make(chan struct{})
		cfg.Custom = func([]byte) (any, error) { <-proceed; return 1, nil }
		var issuers bearer.Issuers
		if err := issuers.Add(cfg); err != nil {
			t.Fatal(err)
		}
		verify := func() <-chan error {
			verdict := make(chan error, 1)
			go func() {
				_, err := issuers.Verify(t.Context(), token)
				verdict <- err
			}()
			synctest.Wait()
			return verdict
		}
		running, waiting := verify(), verify()
		if !issuers.Remove(a.URL()) {
			t.Fatal("Remove: got false, want true")
		}
		removed := verify()
		cfg.Custom, cfg.Audience = nil, []string{"other"}
		if err := issuers.Add(cfg); err != nil {
			t.Fatal(err)
		}
		added := verify()
		close(proceed)
		for name, got := range map[string]error{"running verification": <-running, "waiting request": <-waiting} {
			if got != nil {
				t.Errorf("%s: got error %v, want none", name, got)
			}
		}
		if got := <-removed; !errors.Is(got, bearer.WrongIssuer) {
			t.Errorf("request after Remove: got error %v, want reason %q", got, bearer.WrongIssuer)
		}
		for name, got := range map[string]error{"request after Add": <-added, "request after the verification": <-verify()} {
			if !errors.Is(got, bearer.WrongAudience) {
				t.Errorf("%s: got error %v, want reason %q", name, got, bearer.WrongAudience)
			}
		}
		if !issuers.Remove(a.URL()) {
			t.Error("second Remove: got false, want true")
		}
		if got := <-verify(); !errors.Is(got, bearer.WrongIssuer) {
			t.Errorf("request after the second Remove: got error %v, want reason %q", got, bearer.WrongIssuer)
		}
	})
}
