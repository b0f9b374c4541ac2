// Package tenant matches tokens against an issuer that has a placeholder for the tenant.
// Microsoft Entra ID publishes such an issuer in its metadata for all tenants.
package tenant

import (
	"fmt"
	"strings"
)

// Placeholder stands for the tenant's identifier. It is spelled as in Entra ID's metadata.
const Placeholder = "{tenantid}"

// Template is an issuer with a placeholder.
type Template struct{ prefix, suffix string }

// Parse returns the template of an issuer, or nil if the issuer has no placeholder.
func Parse(issuer string) (*Template, error) {
	prefix, suffix, ok := strings.Cut(issuer, Placeholder)
	switch {
	case !ok:
		return nil, nil //nolint:nilnil // an issuer without a placeholder is not an error
	case strings.Contains(suffix, Placeholder) || !strings.HasPrefix(prefix, "https://"):
		return nil, fmt.Errorf("%q: must begin with https:// and contain %s once", issuer, Placeholder)
	}
	return &Template{prefix, suffix}, nil
}

// Matches reports whether iss is the template with tid in place of the placeholder. The
// tenant must be a GUID, as Entra ID's tenant identifiers are: a name such as "common"
// does not identify a tenant.
func (t *Template) Matches(iss, tid string) bool {
	rest, ok := strings.CutPrefix(iss, t.prefix)
	if !ok {
		return false
	}
	id, ok := strings.CutSuffix(rest, t.suffix)
	return ok && isGUID(id) && tid == id
}

// isGUID reports whether s consists of hexadecimal digits in groups of 8-4-4-4-12.
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

// KeySigns reports whether a key may sign tokens with this "iss" and "tid". keyIssuer is
// the key's member "issuer"; if it is empty, the key may sign all tokens. Entra ID's keys
// name the version 2 issuer even if they sign version 1 tokens.
func KeySigns(keyIssuer, iss, tid string) bool {
	if keyIssuer == "" {
		return true
	}
	issuer := strings.ReplaceAll(keyIssuer, Placeholder, tid)
	return issuer == iss || iss == "https://sts.windows.net/"+tid+"/" && strings.HasSuffix(issuer, "/"+tid+"/v2.0")
}
