package metrics_test

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/metrics"
	"github.com/bearerkit/bearer/scopes"
)

// TestIssuerLabel checks the value of the label "issuer" of an event. The value "none" stands for
// requests without a token, and "other" for tokens that name no configured issuer. So a forged
// token is never counted as a request without a token, and vice versa.
func TestIssuerLabel(t *testing.T) {
	refusal := func(reason bearer.Reason, issuer string) bearer.Event {
		return bearer.Event{Reason: reason, Issuer: issuer, Err: &bearer.Error{Reason: reason}}
	}
	for _, row := range []struct {
		name  string
		event bearer.Event
		want  string
	}{
		{"no token", refusal(bearer.NoToken, ""), "none"},
		{"two Authorization fields", refusal(bearer.InvalidRequest, ""), "none"},
		{"optional rule without a token", bearer.Event{}, "none"},
		{"malformed token", refusal(bearer.Malformed, ""), "other"},
		{"unknown issuer", refusal(bearer.WrongIssuer, ""), "other"},
		{"fault without a known issuer", refusal(bearer.Internal, ""), "other"},
		{"waived refusal of a token", bearer.Event{Err: &bearer.Error{Reason: bearer.MissingScope}}, "other"},
		{"claims of a verifier of another package", bearer.Event{Claims: new(bearer.Claims)}, "other"},
		{"configured issuer", refusal(bearer.Expired, "https://a.example"), "https://a.example"},
		{"no token, but an issuer", refusal(bearer.NoToken, "https://a.example"), "https://a.example"},
		{"issuer with the name other", refusal(bearer.Expired, "other"), "other"},
		{"issuer with the name none", refusal(bearer.Expired, "none"), "other"},
		{"allowed token of an issuer with the name none", bearer.Event{Issuer: "none", Claims: new(bearer.Claims)}, "other"},
	} {
		for _, opts := range []*metrics.Options{nil, {Issuers: []string{"https://a.example"}}, {MaxIssuers: 1}} {
			c, registry := newCollector(t, opts)
			// The other events must not change the value. The values "none" and "other" take no place.
			for _, e := range []bearer.Event{refusal(bearer.NoToken, ""), refusal(bearer.Malformed, ""), refusal(bearer.Expired, "https://a.example"), refusal(bearer.Revoked, "none")} {
				e.Route = "other route"
				c.Observe(context.Background(), e)
			}
			row.event.Route = "this route"
			for range 2 {
				c.Observe(context.Background(), row.event)
			}
			var got []string
			for _, line := range strings.Split(exposed(t, registry), "\n") {
				if match := regexp.MustCompile(`^bearer_requests_total\{issuer="([^"]*)".*route="this route".* 2$`).FindStringSubmatch(line); match != nil {
					got = append(got, match[1])
				}
			}
			if !slices.Equal(got, []string{row.want}) {
				t.Errorf("%s, options %+v: got the label values %q with two requests, want %q", row.name, opts, got, row.want)
			}
		}
	}
}

// TestIssuerLabelOfGuard sends requests without a token and with forged tokens through guards, with
// one issuer and with several.
func TestIssuerLabelOfGuard(t *testing.T) {
	const forged = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJodHRwczovL2V2aWwuZXhhbXBsZSJ9.AAAA"
	one := testkit.NewVerifier(t, testkit.NewIssuer(t, "EdDSA"), nil)
	for name, v := range map[string]bearer.Verifier{"one issuer": one, "no issuers": new(bearer.Issuers)} {
		c, registry := newCollector(t, nil)
		for _, row := range []struct {
			route         string
			authorization []string
			rule          scopes.Rule
		}{
			{"no token", nil, scopes.All()},
			{"Basic", []string{"Basic x"}, scopes.All()},
			{"two", []string{"Bearer a", "Bearer b"}, scopes.All()},
			{"optional", nil, scopes.Optional(scopes.All())},
			{"forged", []string{"Bearer " + forged}, scopes.All()},
			{"opaque", []string{"Bearer x"}, scopes.All()},
			{"forged, optional", []string{"Bearer " + forged}, scopes.Optional(scopes.All())},
		} {
			_, _ = bearer.Decide(t.Context(), v, bearer.Request{Transport: "http", Route: row.route, Authorization: row.authorization, Rule: row.rule, Observer: c})
		}
		text := exposed(t, registry)
		for _, want := range []string{
			`issuer="none",reason="no_token",result="refused",route="no token"`, `issuer="none",reason="no_token",result="refused",route="Basic"`,
			`issuer="none",reason="request",result="refused",route="two"`, `issuer="none",reason="none",result="allowed",route="optional"`,
		} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: got the metrics\n%s, want a series with %s", name, text, want)
			}
		}
		for _, route := range []string{"forged", "opaque", "forged, optional"} {
			if !regexp.MustCompile(`route="`+route+`"`).MatchString(text) || regexp.MustCompile(`issuer="none"[^\n]*route="`+route+`"`).MatchString(text) {
				t.Errorf("%s: got the metrics\n%s, want a series of the route %s, and not with the issuer none", name, text, route)
			}
		}
	}
}

// TestIssuerLabelKeepsItsCounters frees the places of issuers. The counters of the requests without a
// token continue.
func TestIssuerLabelKeepsItsCounters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, registry := newCollector(t, &metrics.Options{MaxIssuers: 1})
		for _, issuer := range []string{"a", "b", "c"} {
			c.Observe(t.Context(), bearer.Event{Transport: "http", Route: "r", Reason: bearer.NoToken})
			c.Observe(t.Context(), bearer.Event{Transport: "http", Route: "r", Reason: bearer.Expired, Issuer: issuer})
			gather(t, registry)
			time.Sleep(time.Hour)
			gather(t, registry)
		}
		if got := verdicts(t, registry); got["none"] != 3 || got["a"] != 0 {
			t.Errorf("got the verdicts %v, want 3 without a token, and none of an issuer that has lost its place", got)
		}
	})
}
