package middleware_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

func TestModes(t *testing.T) {
	fails := func(err error) scopes.Rule {
		return scopes.Func("f", func(context.Context) error { return err })
	}
	panics := scopes.Func("panics", func(context.Context) error { panic("x") })
	for _, row := range []struct {
		name   string
		rule   scopes.Rule
		token  string // the scope of a valid token; "" if there is no token; "invalid" if the token is invalid
		status int
		body   string
		reason bearer.Reason // the wanted Event.Reason
		report bearer.Reason // the wanted reason in Event.Err
	}{
		{"report only, rule met", scopes.ReportOnly(scopes.All("x")), "x", 200, "ok - ci\n", "", ""},
		{"report only, rule not met", scopes.ReportOnly(scopes.All("y")), "x", 200, "ok - ci\n", "", bearer.MissingScope},
		{"report only, function with an error", scopes.ReportOnly(fails(errors.New("no"))), "x", 200, "ok - ci\n", "", bearer.MissingScope},
		{"report only, invalid token", scopes.ReportOnly(scopes.All("x")), "invalid", 401, "", bearer.Malformed, bearer.Malformed},
		{"report only, no token", scopes.ReportOnly(scopes.All("x")), "", 401, "", bearer.NoToken, bearer.NoToken},
		{"report only, function with a reason", scopes.ReportOnly(fails(bearer.Revoked)), "x", 401, "", bearer.Revoked, bearer.Revoked},
		{"report only, key not asked for", scopes.ReportOnly(fails(bearer.KeyNotAsked)), "x", 503, "", bearer.KeyNotAsked, bearer.KeyNotAsked},
		{"report only, no keys", scopes.ReportOnly(fails(bearer.KeysUnavailable)), "x", 503, "", bearer.KeysUnavailable, bearer.KeysUnavailable},
		{"report only, function that panics", scopes.ReportOnly(panics), "x", 500, "", bearer.Internal, bearer.Internal},
		{"report only, invalid rule", scopes.ReportOnly(scopes.All("")), "x", 500, "", bearer.Internal, bearer.Internal},
		{"report only, zero rule", scopes.ReportOnly(scopes.Rule{}), "x", 500, "", bearer.Internal, bearer.Internal},
		{"optional, no token", scopes.Optional(scopes.All("x")), "", 200, "ok - -\n", "", ""},
		{"optional, rule met", scopes.Optional(scopes.All("x")), "x", 200, "ok - ci\n", "", ""},
		{"optional, rule not met", scopes.Optional(scopes.All("y")), "x", 403, "", bearer.MissingScope, bearer.MissingScope},
		{"optional, invalid token", scopes.Optional(scopes.All("x")), "invalid", 401, "", bearer.Malformed, bearer.Malformed},
		{"optional, invalid rule", scopes.Optional(scopes.All("")), "", 401, "", bearer.NoToken, bearer.NoToken},
		{"optional and report only, no token", scopes.Optional(scopes.ReportOnly(scopes.All("y"))), "", 200, "ok - -\n", "", ""},
		{"optional and report only, rule not met", scopes.ReportOnly(scopes.Optional(scopes.All("y"))), "x", 200, "ok - ci\n", "", bearer.MissingScope},
		{"optional and report only, invalid token", scopes.Optional(scopes.ReportOnly(scopes.All("y"))), "invalid", 401, "", bearer.Malformed, bearer.Malformed},
		{"modes inside And have no effect", scopes.And(scopes.Optional(scopes.ReportOnly(scopes.All("y")))), "x", 403, "", bearer.MissingScope, bearer.MissingScope},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newFixture(t, nil)
			r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
			switch row.token {
			case "":
			case "invalid":
				r.Header.Set("Authorization", "Bearer invalid")
			default:
				r = b.request(http.MethodGet, "/", row.token)
			}
			h := http.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				allowed, err := b.guard.Check(r, row.rule)
				if err != nil {
					b.guard.Deny(w, r, err)
					return
				}
				writeCaller(w, allowed)
			}))
			if row.rule.Err() == nil { // Require panics on an invalid rule
				h = b.guard.Require(row.rule)(http.HandlerFunc(writeCaller))
			}
			w := serve(h, r)
			if w.Code != row.status || (row.body != "" && w.Body.String() != row.body) {
				t.Errorf("got status %d and body %q, want status %d and body %q", w.Code, w.Body, row.status, row.body)
			}
			list := b.events.Take()
			if len(list) != 1 {
				t.Fatalf("got %d events, want 1", len(list))
			}
			if e := list[0]; e.Reason != row.reason || (e.Err == nil) != (row.report == "") || (e.Err != nil && !errors.Is(e.Err, row.report)) {
				t.Errorf("got an event with reason %q and error %v, want reason %q and an error with reason %q", e.Reason, e.Err, row.reason, row.report)
			}
		})
	}
}

// TestObserverInsideFunction tests a guard with a VerifierFunc that calls a verifier. The
// verifier's observer must receive the event.
func TestObserverInsideFunction(t *testing.T) {
	b := newFixture(t, nil)
	var inner bearer.Verifier
	guard, err := middleware.New(bearer.VerifierFunc(func(ctx context.Context, token string) (*bearer.Claims, error) {
		return inner.Verify(ctx, token)
	}), nil)
	if err != nil {
		t.Fatal(err)
	}
	events := new(testkit.Recorder)
	v, err := bearer.New(bearer.Config{Issuer: b.issuer.URL(), Audience: []string{"https://deployments.example"}, Observer: events})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	inner = v
	w := serve(guard.Require(scopes.ReportOnly(scopes.All("y")))(http.HandlerFunc(writeCaller)), b.request(http.MethodGet, "/", "x"))
	if list := events.Take(); w.Code != http.StatusOK || len(list) != 1 || list[0].Reason != "" {
		t.Errorf("got status %d and the events %v, want status 200 and one event without a reason", w.Code, list)
	}
}
