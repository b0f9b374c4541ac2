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

// clouds lists the issuers of Entra ID's clouds. The public cloud and the cloud of the US
// government have the same version 1 issuer. The sources are Microsoft's pages "National clouds"
// and "What are the token issuers for the sovereign cloud?" (learn.microsoft.com), and the metadata
// in package @azure/msal-common. The German cloud was closed in 2021.
//
//nolint:gochecknoglobals // never changed; Go has no constant lists
var clouds = []struct {
	version1 string // the issuer of version 1 tokens
	version2 string // the issuer of version 2 tokens, without "{tenantid}/v2.0" at its end
}{
	{"https://sts.windows.net/" + Placeholder + "/", "https://login.microsoftonline.com/"},
	{"https://sts.windows.net/" + Placeholder + "/", "https://login.microsoftonline.us/"},
	{"https://sts.chinacloudapi.cn/" + Placeholder + "/", "https://login.partner.microsoftonline.cn/"},
}

// KeySigns reports whether a key may sign tokens with this "iss" and "tid". keyIssuer is
// the member "issuer" of the key. If keyIssuer is empty, the key may sign all tokens. The
// keys of Entra ID name the issuer of version 2, even for tokens of version 1. Such a key may
// sign version 1 tokens of its own cloud only.
func KeySigns(keyIssuer, iss, tid string) bool {
	if keyIssuer == "" || isFilled(keyIssuer, tid, iss) {
		return true
	}
	for _, cloud := range clouds {
		if isFilled(cloud.version1, tid, iss) && isOfVersion2(cloud.version2, keyIssuer, tid) {
			return true
		}
	}
	return false
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

// isOfVersion2 reports whether the issuer of a key is the version 2 issuer for the tenant, or for
// all tenants, in the cloud whose version 2 issuers begin with prefix.
func isOfVersion2(prefix, keyIssuer, tid string) bool {
	rest, ok := strings.CutPrefix(keyIssuer, prefix)
	if !ok {
		return false
	}
	id, ok := strings.CutSuffix(rest, "/v2.0")
	return ok && (id == Placeholder || id == tid && !strings.Contains(tid, Placeholder))
}

// CommonKeys returns the URL of the keys of all tenants in the cloud of an issuer with the
// placeholder. If the issuer is in none of the clouds, CommonKeys returns "".
func CommonKeys(issuer string) string {
	for _, cloud := range clouds {
		switch issuer {
		case cloud.version1:
			return cloud.version2 + "common/discovery/keys"
		case cloud.version2 + Placeholder + "/v2.0":
			return cloud.version2 + "common/discovery/v2.0/keys"
		}
	}
	return ""
}
