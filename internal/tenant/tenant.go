// Package tenant decides which tenants of an issuer are accepted. A tenant is a customer of an
// issuer that issues the tokens of all its customers.
//
// A Template compares the issuer of a token with an issuer that has a placeholder for the
// tenant. Microsoft Entra ID publishes such an issuer in the metadata for all tenants. A List
// compares the claims of a token with a list of accepted tenants.
package tenant

import (
	"fmt"
	"strings"
)

// Placeholder stands for the identifier of the tenant. The metadata of Entra ID contains
// the placeholder with this spelling.
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
		return nil, fmt.Errorf("%q: an issuer with a placeholder must begin with https:// and must contain %s only once", issuer, Placeholder)
	}
	return &Template{prefix, suffix}, nil
}

// Matches reports whether iss is the template with the result of tid in the place of the
// placeholder. This result must be a GUID, because all tenant identifiers of Entra ID are GUIDs.
// A name such as "common" does not identify a tenant. Matches calls tid only if iss has the form
// of the template, because to find the claim takes time, and a program can have many templates.
func (t *Template) Matches(iss string, tid func() string) bool {
	rest, ok := strings.CutPrefix(iss, t.prefix)
	if !ok {
		return false
	}
	id, ok := strings.CutSuffix(rest, t.suffix)
	return ok && isGUID(id) && tid() == id
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
// the member "issuer" of the key. If keyIssuer is empty, the key may sign all tokens. The
// keys of Entra ID name the issuer of version 2, even for tokens of version 1.
func KeySigns(keyIssuer, iss, tid string) bool {
	if keyIssuer == "" {
		return true
	}
	return isFilled(keyIssuer, tid, iss) || isFilled("https://sts.windows.net/"+Placeholder+"/", tid, iss) && isOfVersion2(keyIssuer, tid)
}

// isFilled reports whether text is the pattern with tid in the place of each placeholder. It does
// not make this text, because a hostile pattern can have thousands of placeholders, and a
// hostile tid can be long.
func isFilled(pattern, tid, text string) bool {
	for {
		before, after, found := strings.Cut(pattern, Placeholder)
		if !found {
			return text == pattern
		}
		var ok bool
		if text, ok = strings.CutPrefix(text, before); !ok {
			return false
		}
		if text, ok = strings.CutPrefix(text, tid); !ok {
			return false
		}
		pattern = after
	}
}

// isOfVersion2 reports whether the issuer of a key is an issuer of version 2 for the tenant.
func isOfVersion2(keyIssuer, tid string) bool {
	rest, ok := strings.CutSuffix(keyIssuer, "/v2.0")
	return ok && (strings.HasSuffix(rest, "/"+Placeholder) || !strings.Contains(tid, Placeholder) && strings.HasSuffix(rest, "/"+tid))
}
