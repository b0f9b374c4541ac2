package jwks

import (
	"errors"
	"fmt"
	"strings"

	"github.com/bearerkit/bearer/internal/quote"
	"github.com/bearerkit/bearer/internal/strictjson"
)

// read returns the URL of the key set from a metadata document. The document must name the
// issuer (RFC 8414, section 3.3; OpenID Connect Discovery 1.0, section 4.3). Mistakes in other
// members do not matter.
func (l *locator) read(document []byte, place string) (string, error) {
	s := newSource(document)
	members, err := objectReader{source: s, names: []string{"issuer", "jwks_uri"}, validNames: true}.readAll()
	if errors.Is(err, errNoObject) {
		return "", s.noObject(adviseMetadata)
	}
	if err != nil {
		return "", err
	}
	issuer, ok := strictjson.String(members.Lookup("issuer"))
	if !ok {
		return "", s.noIssuer()
	}
	if issuer != l.issuer {
		advice := adviseIssuer
		if strings.TrimSuffix(issuer, "/") == strings.TrimSuffix(l.issuer, "/") {
			advice = adviseSlash
		}
		return "", fmt.Errorf(`"issuer" is %q, want %q; `+advice, quote.Cut(issuer), l.issuer)
	}
	keys, ok := strictjson.String(members.Lookup("jwks_uri"))
	if !ok {
		return "", errors.New(`no member "jwks_uri"`)
	}
	if err := checkURL(keys, l.insecureHTTP); err != nil {
		return "", fmt.Errorf(`"jwks_uri": %w`, err)
	}
	if strings.HasPrefix(place, "https:") && !strings.HasPrefix(strings.ToLower(keys), "https:") && !l.insecureHTTP {
		return "", errors.New(`"jwks_uri": not https, but the metadata was fetched over https`)
	}
	return keys, nil
}
