package bearer_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit"
)

const audience = testkit.Audience

// newIssuer and newVerifier return the issuer and the verifier that most tests use.
var newIssuer, newVerifier = testkit.NewIssuer, testkit.NewVerifier

// oneAndSeveral returns two verifiers with this configuration: a JWTVerifier, and an Issuers
// with only this issuer.
func oneAndSeveral(t *testing.T, cfg bearer.Config) map[string]bearer.Verifier {
	t.Helper()
	one, err := bearer.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	several := new(bearer.Issuers)
	if err := several.Add(cfg); err != nil {
		t.Fatal(err)
	}
	return map[string]bearer.Verifier{"JWTVerifier": one, "Issuers": several}
}

// reasonOf returns the reason of err, or "" if err is nil.
func reasonOf(t *testing.T, err error) bearer.Reason {
	t.Helper()
	if err == nil {
		return ""
	}
	e, ok := errors.AsType[*bearer.Error](err)
	if !ok {
		t.Fatalf("got an error of type %T, want *bearer.Error: %v", err, err)
	}
	return e.Reason
}

// raw converts s to JSON text, for claims that Issuer.Token cannot encode from a Go value.
func raw(s string) json.RawMessage { return json.RawMessage(s) }
