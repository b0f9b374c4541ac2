package main

import (
	"testing"

	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/incident"
)

// TestSubjects requires that the other libraries, set up as in the incidents, accept valid
// tokens and refuse all others.
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
				"valid":            {issuer.Token(nil), incident.Accepted},
				"forged":           {issuer.Forge(nil, nil), incident.Refused},
				"another audience": {issuer.Token(map[string]any{"aud": "other"}), incident.Refused},
				"another issuer":   {issuer.Token(map[string]any{"iss": "https://other.example"}), incident.Refused},
				"expired":          {issuer.Token(map[string]any{"exp": 1}), incident.Refused},
			} {
				if got := v.Verify(t.Context(), row.token); got != row.want {
					t.Errorf("%s: got outcome %d, want %d", name, got, row.want)
				}
			}
		})
	}
}
