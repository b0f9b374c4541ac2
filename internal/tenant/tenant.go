// Package tenant reads issuers with a placeholder for the tenant, as Microsoft Entra ID
// publishes them in the metadata for all tenants.
package tenant

import (
	"fmt"
	"strings"
)

// Placeholder stands for the tenant's identifier, letter by letter as in the metadata.
const Placeholder = "{tenantid}"

// Template is an issuer with a placeholder.
type Template struct{ prefix, suffix string }

// Parse returns nil for an issuer without a placeholder.
func Parse(issuer string) (*Template, error) {
	prefix, suffix, ok := strings.Cut(issuer, Placeholder)
	switch {
	case !ok:
		return nil, nil //nolint:nilnil // it is no template, and nothing is wrong
	case strings.Contains(suffix, Placeholder) || !strings.HasPrefix(prefix, "https://"):
		return nil, fmt.Errorf("%q: want https and one %s", issuer, Placeholder)
	}
	return &Template{prefix, suffix}, nil
}

// Matches reports whether iss is the template with the tenant tid in it. The tenant must
// be a GUID, as Entra ID's are: a name could be anybody's.
func (t *Template) Matches(iss, tid string) bool {
	rest, ok := strings.CutPrefix(iss, t.prefix)
	if !ok {
		return false
	}
	id, ok := strings.CutSuffix(rest, t.suffix)
	return ok && isGUID(id) && tid == id
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

// KeySigns reports whether a key whose "issuer" member is keyIssuer signs tokens with this
// "iss" and "tid". The keys of Entra ID name the issuer of version 2 also where they sign
// tokens of version 1. An empty keyIssuer names none.
func KeySigns(keyIssuer, iss, tid string) bool {
	if keyIssuer == "" {
		return true
	}
	issuer := strings.ReplaceAll(keyIssuer, Placeholder, tid)
	return issuer == iss || iss == "https://sts.windows.net/"+tid+"/" && strings.HasSuffix(issuer, "/"+tid+"/v2.0")
}
