package bearer_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit"
)

const audience = testkit.Audience

// newIssuer and newVerifier return the issuer and the verifier that most tests use.
var newIssuer, newVerifier = testkit.NewIssuer, testkit.NewVerifier

// needsRepository skips a test that reads files of nested modules. A user who tests this package in
// the module cache does not have these files.
func needsRepository(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("tracing/go.mod"); errors.Is(err, fs.ErrNotExist) {
		t.Skip("this is not the whole repository, but only its root module")
	}
}

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
