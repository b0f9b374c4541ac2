package main

import (
	"testing"

	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/incident"
)

// TestSubjects tests that the other libraries accept valid tokens and refuse invalid tokens.
// The libraries have the same setup as in the incidents.
func TestSubjects(t *testing.T) {
	for _, subject := range []incident.Subject{keyfuncSubject, oidcSubject} {
		t.Run(subject.Name, func(t *testing.T) {
			issuer := bearertest.NewIssuer(&bearertest.Options{Algorithms: []string{"ES256"}, Audience: []string{"api"}})
			defer issuer.Close()
			v, err := subject.Open(incident.Setup{Issuer: issuer.URL(), Audience: "api", KeysURL: issuer.KeysURL()})
			if err != nil {
				t.Fatal(err)
			}
			defer v.Close()
			for name, row := range map[string]struct {
				token string
				want  incident.Outcome
			}{
				"valid token":                    {issuer.Token(nil), incident.Accepted},
				"forged token":                   {issuer.Forge(nil, nil), incident.Refused},
				"token for a different audience": {issuer.Token(map[string]any{"aud": "other"}), incident.Refused},
				"token of a different issuer":    {issuer.Token(map[string]any{"iss": "https://other.example"}), incident.Refused},
				"expired token":                  {issuer.Token(map[string]any{"exp": 1}), incident.Refused},
			} {
				if got := v.Verify(t.Context(), row.token); got != row.want {
					t.Errorf("%s: got outcome %d, want %d", name, got, row.want)
				}
			}
		})
	}
}
