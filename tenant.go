package bearer

import (
	"errors"
	"fmt"
	"strings"

	"github.com/bearerkit/bearer/internal/strictjson"
	"github.com/bearerkit/bearer/jwks"
)

// tenant is the placeholder that Entra ID's metadata has in its issuer where it
// speaks for all tenants.
const tenant = "{tenantid}"

// template is an issuer with a placeholder for the tenant.
type template struct{ prefix, suffix string }

// parseTemplate returns nil for an issuer without a placeholder.
func parseTemplate(issuer string) (*template, error) {
	prefix, suffix, ok := strings.Cut(issuer, tenant)
	switch {
	case !ok:
		return nil, nil //nolint:nilnil // it is none, and nothing is wrong
	case strings.Contains(suffix, tenant) || !strings.HasPrefix(prefix, "https://"):
		return nil, fmt.Errorf("Config.Issuer: %q: want https and one %s", issuer, tenant)
	}
	return &template{prefix, suffix}, nil
}

var errTemplateKeys = errors.New(`Config.Keys: required, since Config.Issuer is a template; use those of the tenant "common", ` +
	"https://login.microsoftonline.com/common/discovery/v2.0/keys")

// matches reports whether iss is the template with the token's own tenant in it,
// and that a GUID, as Entra ID's are: a name could be anybody's.
func (tp *template) matches(t *token) bool {
	rest, ok := strings.CutPrefix(t.iss, tp.prefix)
	if !ok {
		return false
	}
	id, ok := strings.CutSuffix(rest, tp.suffix)
	if !ok || !isGUID(id) {
		return false
	}
	tid, _ := strictjson.String(t.claims().members.Lookup("tid"))
	return tid == id
}

// isGUID reports whether s has the form 8-4-4-4-12 of hexadecimal digits.
func isGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case '0' <= c && c <= '9', 'a' <= c && c <= 'f', 'A' <= c && c <= 'F':
		default:
			return false
		}
	}
	return true
}

// names reports whether the token names this verifier's issuer in "iss".
func (v *JWTVerifier) names(t *token) bool {
	if v.template != nil {
		return v.template.matches(t)
	}
	if t.iss == v.issuer {
		return true
	}
	for _, alias := range v.aliases() {
		if t.iss == alias {
			return true
		}
	}
	return false
}

// aliases returns the profile's, if the configured issuer is one of them.
func (v *JWTVerifier) aliases() []string {
	for _, alias := range v.profile.aliases {
		if alias == v.issuer {
			return v.profile.aliases
		}
	}
	return nil
}

// isOf reports whether a key that names its issuer names the token's. The keys of
// Entra ID name that of version 2 also where they sign tokens of version 1.
func isOf(key *jwks.Key, t *token) bool {
	if key.Issuer() == "" {
		return true
	}
	tid, _ := strictjson.String(t.claims().members.Lookup("tid"))
	issuer := strings.ReplaceAll(key.Issuer(), tenant, tid)
	return issuer == t.iss || t.iss == "https://sts.windows.net/"+tid+"/" && strings.HasSuffix(issuer, "/"+tid+"/v2.0")
}
