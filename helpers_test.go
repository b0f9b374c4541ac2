package bearer_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit"
)

const audience = testkit.Audience

// newIssuer and newVerifier return the issuer and the verifier of most tests.
var newIssuer, newVerifier = testkit.NewIssuer, testkit.NewVerifier

// oneAndSeveral returns the two kinds of verifiers with this configuration: a JWTVerifier
// and Issuers with this one issuer.
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
	return map[string]bearer.Verifier{"one": one, "several": several}
}

// reasonOf returns the reason of an error, or "" for none.
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

// raw returns s as JSON, for claims that no Go value encodes to.
func raw(s string) json.RawMessage { return json.RawMessage(s) }
