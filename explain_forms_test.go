package bearer_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/scopes"
)

// TestForbiddenWarning requires a warning of New for a name in Profile.Forbidden that no token has
// as a top-level claim. A token with the nested claim is accepted, so there is no refusal that can
// point to the mistake.
func TestForbiddenWarning(t *testing.T) {
	issuer := newIssuer(t, "EdDSA")
	for name, pointer := range map[string]string{
		"custom.id": `"/custom/id"`, "custom/id": `"/custom/id"`, "nonce": "", "/custom/id": "", "/custom.id": "", "https://ns.example/id": "", "urn:a.b": "",
	} {
		var out testkit.Buffer
		cfg := testkit.Config(t, issuer)
		cfg.Profile, cfg.Logger = bearer.Profile{Forbidden: []string{name}}, slog.New(slog.NewTextHandler(&out, nil))
		v, err := bearer.New(cfg)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		t.Cleanup(func() { _ = v.Close() })
		record := strings.ReplaceAll(out.String(), `\"`, `"`)
		if pointer == "" && record != "" || !strings.Contains(record, pointer) || pointer != "" && strings.Count(record, "level=WARN") != 1 {
			t.Errorf("%s: got records %q, want one warning with the pointer %s, or none if it is empty", name, record, pointer)
		}
	}
}

// TestExplainForbiddenHeader requires that Explain shows the forbidden member of the header, and not
// the "typ", which is right.
func TestExplainForbiddenHeader(t *testing.T) {
	issuer := newIssuer(t, "EdDSA")
	v := newVerifier(t, issuer, func(cfg *bearer.Config) {
		cfg.Profile.ForbiddenHeader = map[string]string{"zip": "the token is compressed"}
	})
	x := bearer.Explain(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + issuer.Mint(members{"zip": "DEF"}, nil)}, Rule: scopes.All()})
	for _, c := range x.Checks {
		if c.Name == "type" && (c.Got != `a header with "zip"` || !strings.Contains(c.Want, `without "zip"`) || !strings.Contains(c.Advice, "the token is compressed")) {
			t.Errorf("got check %+v, want the member of the header and its sentence", c)
		}
	}
	if x.Reason != bearer.WrongType {
		t.Errorf("got reason %q, want %q", x.Reason, bearer.WrongType)
	}
}

// TestExplainPaddedCredentials requires the same advice for a padded token whether a part in the
// middle or the last part is padded. The reasons of the refusals differ.
func TestExplainPaddedCredentials(t *testing.T) {
	issuer := newIssuer(t, "EdDSA")
	v := newVerifier(t, issuer, nil)
	header, rest, _ := strings.Cut(issuer.Token(nil), ".")
	for _, token := range []string{header + "=." + rest, header + "." + rest + "="} {
		x := bearer.Explain(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + token}, Rule: scopes.All()})
		if !strings.Contains(x.String(), "Use the token in X-Amzn-Oidc-Accesstoken") {
			t.Errorf("reason %s: got explanation\n%v\nwant the advice about AWS load balancers", x.Reason, x)
		}
	}
}
