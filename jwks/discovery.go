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

// metadataLifetime is the longest time until metadata is fetched again. If the key set
// cannot be fetched, metadata is fetched sooner.
const metadataLifetime = time.Hour

// locator finds the URL of the key set, which is configured or comes from metadata. Only
// the refresher uses it.
type locator struct {
	url string // the URL of the key set; "" until discovery succeeds

	places       []string // URLs of the metadata, in the order to try; empty if url is configured
	issuer       string   // required value of "issuer" in the metadata
	insecureHTTP bool
	tried        time.Time // when the metadata was last requested
	until        time.Time // when the metadata must be requested again
}

// discovers reports whether the URL comes from metadata.
func (l *locator) discovers() bool { return len(l.places) > 0 }

// due reports whether the metadata must be requested, for the first time or again.
func (l *locator) due(now time.Time) bool {
	return l.discovers() && (l.url == "" || !now.Before(l.until))
}

// discover fetches the metadata and sets url. If it fails, url keeps its value.
func (l *locator) discover(ctx context.Context, client *http.Client) error {
	l.tried = time.Now()
	var errs []error
	for i, place := range l.places {
		a, err := get(ctx, client, place, validators{})
		if err == nil {
			var found string
			if found, err = l.read(a.body, place); err == nil {
				l.url = found
				l.until = l.tried.Add(min(max(a.fresh, defaultLifetime), metadataLifetime))
				// Next time, try this place first.
				l.places = append([]string{place}, slices.Delete(slices.Clone(l.places), i, i+1)...)
				return nil
			}
			err = fmt.Errorf("metadata at %s: %w", redact(place), err)
		}
		errs = append(errs, err)
		// All places are on one host: if the host does not answer, the other places fail too.
		_, silent := errors.AsType[*url.Error](err)
		if silent && !errors.Is(err, errRedirect) || ctx.Err() != nil {
			break
		}
	}
	return fmt.Errorf("discovery of %s: %w", redact(l.issuer), errors.Join(errs...))
}

// read returns the key-set URL in a metadata document. The document must name the issuer
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
		return "", errors.New(`"jwks_uri": not https, but the metadata was fetched over https`)
	}
	return keys, nil
}

// metadataPlaces returns the URLs where an issuer's metadata may be, in the order to try:
// the URL of OpenID Connect Discovery 1.0, section 4 (appended to the path); the URL of
// RFC 8414, section 3.1 (inserted between host and path); and two variants that some
// issuers use.
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

// checkIssuer returns an error if the URL of the metadata cannot be derived from the
// issuer (RFC 8414, section 2).
func checkIssuer(issuer string, insecureHTTP bool) error {
	if err := checkURL(issuer, insecureHTTP); err != nil {
		return err
	}
	if strings.Contains(issuer, "?") {
		return errors.New("contains a query; an issuer must not have one")
	}
	return nil
}
