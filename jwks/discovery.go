package jwks

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/bearerkit/bearer/internal/quote"
	"github.com/bearerkit/bearer/internal/strictjson"
)

// metadataLifetime is how long metadata is believed at most. A key set that
// cannot be had ends it sooner.
const metadataLifetime = time.Hour

// locator finds the key set. The zero metadata means a URL that was configured.
// It is used by the refresher only.
type locator struct {
	url string // of the key set; "" until discovery told

	places       []string // where metadata may be; none: url is fixed
	issuer       string   // what metadata must say
	insecureHTTP bool
	asked        time.Time // when url was last looked up, with success or without
	until        time.Time // when it is to be looked up again
}

// discovers reports whether the URL comes from metadata.
func (l *locator) discovers() bool { return len(l.places) > 0 }

// due reports whether the metadata should be read, for the first time or again.
func (l *locator) due(now time.Time) bool {
	return l.discovers() && (l.url == "" || !now.Before(l.until))
}

// discover reads the metadata. Whatever goes wrong, what was known stays.
func (l *locator) discover(ctx context.Context, client *http.Client) error {
	l.asked = time.Now()
	var errs []error
	for i, place := range l.places {
		a, err := get(ctx, client, place, validators{})
		if err == nil {
			var found string
			if found, err = l.read(a.body, place); err == nil {
				l.url = found
				l.until = l.asked.Add(min(max(a.fresh, usualLifetime), metadataLifetime))
				// Next time, ask first where the answer was.
				l.places = append([]string{place}, slices.Delete(slices.Clone(l.places), i, i+1)...)
				return nil
			}
			err = fmt.Errorf("metadata at %s: %w", redact(place), err)
		}
		errs = append(errs, err)
		// The places are all on one host: if it does not answer, that was it.
		_, silent := errors.AsType[*url.Error](err)
		if silent && !errors.Is(err, errRedirect) || ctx.Err() != nil {
			break
		}
	}
	return fmt.Errorf("discovery of %s: %w", redact(l.issuer), errors.Join(errs...))
}

// read returns the key-set URL of a metadata document that is the issuer's own
// (RFC 8414, section 3.3; OpenID Connect Discovery 1.0, section 4.3).
func (l *locator) read(document []byte, place string) (string, error) {
	members, err := strictjson.Parse(document)
	if err != nil {
		return "", err
	}
	issuer, ok := strictjson.String(members.Lookup("issuer"))
	if !ok {
		return "", errors.New(`no "issuer"`)
	}
	if issuer != l.issuer {
		return "", fmt.Errorf(`"issuer" is %q, want %q`, quote.Cut(issuer), l.issuer)
	}
	keys, ok := strictjson.String(members.Lookup("jwks_uri"))
	if !ok {
		return "", errors.New(`no "jwks_uri"`)
	}
	if err := checkURL(keys, l.insecureHTTP); err != nil {
		return "", fmt.Errorf(`"jwks_uri": %w`, err)
	}
	if strings.HasPrefix(place, "https:") && !strings.HasPrefix(strings.ToLower(keys), "https:") && !l.insecureHTTP {
		return "", errors.New(`"jwks_uri": not https, but the metadata is`)
	}
	return keys, nil
}

// metadataPlaces returns where an issuer's metadata may be, in the order to try:
// as OpenID Connect Discovery 1.0, section 4 says, as RFC 8414, section 3.1 says
// (inserted between host and path), and the two mixtures that exist.
func metadataPlaces(issuer string) []string {
	u, err := url.Parse(issuer)
	if err != nil {
		return nil
	}
	path := strings.TrimSuffix(u.EscapedPath(), "/")
	host := u.Scheme + "://" + u.Host
	const openid, oauth = "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"
	var places []string
	for _, place := range []string{
		host + path + openid,
		host + oauth + path,
		host + openid + path,
		host + path + oauth,
	} {
		if !slices.Contains(places, place) {
			places = append(places, place)
		}
	}
	return places
}

// checkIssuer returns what is wrong with an issuer whose metadata is to be found
// by its name (RFC 8414, section 2).
func checkIssuer(issuer string, insecureHTTP bool) error {
	if err := checkURL(issuer, insecureHTTP); err != nil {
		return err
	}
	if strings.Contains(issuer, "?") {
		return errors.New("an issuer has no query")
	}
	return nil
}
