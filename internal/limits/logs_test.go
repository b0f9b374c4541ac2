package limits_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/scopes"
)

// records sends n events to a LogObserver, and returns the number of records of refusals.
func records(opts *bearer.LogOptions, event func(i int) bearer.Event) func(*testing.T, int) int {
	return func(t *testing.T, n int) int {
		t.Helper()
		var out testkit.Buffer
		log, err := bearer.NewLogObserver(slog.New(slog.NewTextHandler(&out, nil)), opts)
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			log.Observe(t.Context(), event(i))
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		return strings.Count(out.String(), "bearer: request refused")
	}
}

// refusalText refuses a token because of an error with n marks, and returns the number of marks
// in the log.
func refusalText(own bool) func(*testing.T, int) int {
	return func(t *testing.T, n int) int {
		t.Helper()
		var out testkit.Buffer
		logger := slog.New(slog.NewTextHandler(&out, nil))
		issuer := testkit.NewIssuer(t, "EdDSA")
		v := testkit.NewVerifier(t, issuer, func(cfg *bearer.Config) {
			cfg.Validate = func(context.Context, *bearer.Claims) error {
				return &bearer.Error{Reason: bearer.Revoked, Err: errors.New(strings.Repeat("~", n))}
			}
			if !own {
				cfg.Logger = logger
				return
			}
			log, err := bearer.NewLogObserver(logger, nil)
			if err != nil {
				t.Fatal(err)
			}
			cfg.Observer = log
		})
		if _, err := v.Verify(t.Context(), issuer.Token(nil)); !errors.Is(err, bearer.Revoked) {
			t.Fatalf("got error %v, want the error of Config.Validate", err)
		}
		return strings.Count(out.String(), "~")
	}
}

// noRule returns the number of characters of Request.NoRule in the error.
func noRule(t *testing.T, n int) int {
	t.Helper()
	v := testkit.Refuse(bearer.Revoked)
	_, err := bearer.Decide(t.Context(), v, bearer.Request{NoRule: strings.Repeat("~", n)})
	if err == nil {
		t.Fatal("got no error, want a refusal")
	}
	return strings.Count(err.Error(), "~")
}

// subject returns the number of characters of a subject in a log record.
func subject(t *testing.T, n int) int {
	t.Helper()
	_, claims, err := verify(t, nil, fmt.Sprintf(`,"client_id":%q`, strings.Repeat("~", n)))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(claims.LogValue().String(), "~")
}

// escaped returns the length of a subject in an error text. The subject has n bytes with its
// escapes.
func escaped(t *testing.T, n int) int {
	t.Helper()
	_, claims, err := verify(t, nil, fmt.Sprintf(`,"client_id":"%s"`, strings.Repeat(`\u0001`, n/len(`\x01`))))
	if err != nil {
		t.Fatal(err)
	}
	return len(`\x01`) * strings.Count(claims.String(), `\x01`)
}

// explained returns the number of roles in an explanation of a refusal by a rule.
func explained(t *testing.T, n int) int {
	t.Helper()
	issuer := testkit.NewIssuer(t, "EdDSA")
	v := testkit.NewVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Profile.Roles = []string{"roles"} })
	token := issuer.Token(map[string]any{"roles": slices.Repeat([]string{"~"}, n)})
	explanation := bearer.Explain(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + token}, Rule: scopes.All("x")})
	for _, check := range explanation.Checks {
		if check.Name == "rule" {
			return strings.Count(check.Got, "~")
		}
	}
	return 0
}

func logEdges() []edge {
	refused := func(i int) bearer.Event {
		return bearer.Event{Reason: bearer.Expired, Route: fmt.Sprint("GET /", i), Err: bearer.Expired}
	}
	same := func(int) bearer.Event { return bearer.Event{Reason: bearer.Expired, Err: bearer.Expired} }
	return []edge{
		{constant: "bearer.defaultBurst", beyond: "kept %d of", try: kept(records(nil, same))},
		{constant: "bearer.reasonFactor", beyond: "kept %d of", try: kept(records(&bearer.LogOptions{Burst: 1}, refused))},
		{constant: "bearer.maxLogKeys", beyond: "kept 12000 of 12001", step: 2001, try: kept(records(&bearer.LogOptions{Burst: 2000}, refused))},
		{constant: "bearer.maxDetail", beyond: "kept %d of", try: kept(refusalText(true))},
		{constant: "bearer.maxForeign", beyond: "kept %d of", try: kept(refusalText(false))},
		{constant: "bearer.maxNoRule", beyond: "kept %d of", try: kept(noRule)},
		{constant: "bearer.maxListed", beyond: "kept %d of", try: kept(explained)},
		{constant: "internal/quote.MaxQuoted", beyond: "kept %d of", step: 4, try: kept(escaped)},
		{constant: "internal/quote.Max", beyond: "kept %d of", try: kept(subject)},
	}
}
