package jwks

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// metadataLifetime is the longest time until the metadata is fetched again. If the cache
// cannot fetch the key set, it fetches the metadata sooner.
const metadataLifetime = time.Hour

// rediscoverAfter is the least time between two requests for the metadata if the key set cannot
// be fetched.
const rediscoverAfter = time.Minute

// locator finds the URL of the key set. The URL is configured or comes from the metadata.
type locator struct {
	url string // the URL of the key set; "" until discovery succeeds

	places       []string  // the possible URLs of the metadata, in the order in which discover tries them; empty if url is configured
	moved        bool      // whether the last call of discover changed the order of places
	issuer       string    // the required value of "issuer" in the metadata
	insecureHTTP bool      // the value of Options.InsecureHTTP
	tried        time.Time // the time of the last request for the metadata
	heldUntil    time.Time // until this time, the issuer wants no request for the metadata
	until        time.Time // the time at which the metadata must be requested again
}

// sharedLocator is the locator of the attempts of one poll. The other attempts and the next poll use
// the URLs that one attempt finds, even if this attempt fails. It is safe for concurrent use.
type sharedLocator struct {
	mu      sync.Mutex // guards the fields below
	now     locator
	foundAt time.Time // the time of the request for the metadata that now has
	repeats bool      // an attempt is requesting the metadata again
}

func (s *sharedLocator) load() locator {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// merge adds the state l of an attempt that has requested the metadata. The argument found reports
// whether the attempt got the metadata. If attempts of this poll got the metadata, the one that
// requested it last counts, and failures change nothing.
func (s *sharedLocator) merge(l *locator, found bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case found && !l.tried.Before(s.foundAt):
		s.now.url, s.now.until, s.now.places, s.foundAt = l.url, l.until, l.places, l.tried
	case !found && s.foundAt.IsZero():
		if l.moved {
			s.now.places = l.places
		}
		if s.now.url != "" {
			s.now.until = latest(time.Now().Add(defaultLifetime), l.heldUntil)
		}
	}
	s.now.tried, s.now.heldUntil = latest(s.now.tried, l.tried), latest(s.now.heldUntil, l.heldUntil)
}

// mustRepeat makes the metadata due, if the URL of the key set is still the given URL.
func (s *sharedLocator) mustRepeat(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now.url == url {
		s.now.until = time.Time{}
	}
}

// beginRepeat reports whether the caller may request the metadata again, because no other attempt is
// doing so. If it may, the caller must call endRepeat afterwards.
func (s *sharedLocator) beginRepeat() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.repeats
	s.repeats = true
	return !was
}

func (s *sharedLocator) endRepeat() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.repeats = false
}

// latest returns the later of two times.
func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// discovers reports whether the URL of the key set comes from the metadata.
func (l *locator) discovers() bool { return len(l.places) > 0 }

// first returns the first URL that is fetched, or "" if no URL is valid.
func (l *locator) first() string {
	if l.discovers() {
		return l.places[0]
	}
	return l.url
}

// due reports whether the metadata must be requested now.
func (l *locator) due(now time.Time) bool {
	return l.discovers() && (l.url == "" || !now.Before(l.until))
}

// mayRepeat reports whether the metadata may be requested again, although it is not due.
func (l *locator) mayRepeat(now time.Time) bool {
	return l.discovers() && now.Sub(l.tried) > rediscoverAfter && !now.Before(l.heldUntil)
}

// discover fetches the metadata and sets l.url. If discover fails, l.url keeps its value. If ctx
// ends, the next call continues with the place that did not answer.
func (l *locator) discover(ctx context.Context, get getter) error {
	l.tried, l.moved = time.Now(), false
	var errs []error
	for i, place := range l.places {
		a, err := get(ctx, place, validators{}, maxMetadata)
		if err == nil {
			var found string
			if found, err = l.read(a.body, place); err == nil {
				l.url = found
				l.until = l.tried.Add(min(max(a.fresh, defaultLifetime), metadataLifetime))
				// The next call of discover tries this URL first.
				l.places = append([]string{place}, slices.Delete(slices.Clone(l.places), i, i+1)...)
				return nil
			}
			err = &documentError{fmt.Errorf("metadata at %s: %w", redact(place), err)}
		}
		errs = append(errs, err)
		// All possible URLs have the same host. So if the host does not answer, or wants no
		// further request, the remaining URLs fail too.
		_, silent := errors.AsType[*url.Error](err)
		if ctx.Err() != nil {
			l.places, l.moved = slices.Concat(l.places[i:], l.places[:i]), i > 0
			break
		}
		if silent && !errors.Is(err, errRedirect) || limited(err) {
			break
		}
	}
	return fmt.Errorf("discovery of %s: %w", redact(l.issuer), errors.Join(errs...))
}

// documentError is the error of a document that is not the metadata of the issuer.
type documentError struct{ error }

func (e *documentError) Unwrap() error { return e.error }

// metadataPlaces returns the possible URLs of an issuer's metadata, in the order in which
// discover tries them:
//   - the URL of OpenID Connect Discovery 1.0, section 4, which has the well-known path after
//     the issuer's path
//   - the URL of RFC 8414, section 3.1, which has the well-known path before the issuer's path
//   - two variants that some issuers use: the OpenID Connect path before the issuer's path, and
//     the RFC 8414 path after the issuer's path
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
		const elsewhere = "; if its documents are at a different URL, set Options.MetadataURL or Options.KeysURL"
		return fmt.Errorf("%w%s", err, elsewhere)
	}
	if strings.Contains(issuer, "?") {
		return errors.New("contains a query; remove the query, because an issuer must not have a query, or set Options.MetadataURL")
	}
	return documentAsIssuer(issuer)
}

// keySetPaths are the ends of the paths of usual key sets. An issuer does not end like this.
var keySetPaths = []string{
	"/jwks", "/jwks.json", "/.well-known/keys", "/.well-known/certs",
	"/protocol/openid-connect/certs", // Keycloak
	"/discovery/keys", "/discovery/v2.0/keys", "/discovery/v1.0/keys",
	"/v1/keys", "/v1/certs", "/v2/keys", "/v2/certs", "/v3/certs",
}

// documentAsIssuer returns an error if the issuer is the URL of a document: of metadata or of a
// key set. The error contains the likely issuer.
func documentAsIssuer(issuer string) error {
	const wellKnown, wantIssuer = "/.well-known/", `want the value of "iss" in the tokens`
	u, err := url.Parse(issuer)
	if err != nil {
		return err
	}
	host, path := u.Scheme+"://"+u.Host, strings.TrimSuffix(u.EscapedPath(), "/")
	before, after, found := strings.Cut(path+"/", wellKnown)
	after = strings.TrimSuffix(after, "/")
	name, rest, _ := strings.Cut(after, "/")
	lower := strings.ToLower(path)
	switch {
	case found && (name == "openid-configuration" || name == "oauth-authorization-server"):
		if rest != "" {
			rest = "/" + rest
		}
		return fmt.Errorf("is the URL of the issuer's metadata; %s, which is probably %q (the member \"issuer\" of the metadata), or set Options.MetadataURL to this URL",
			wantIssuer, redact(host+before+rest))
	case slices.ContainsFunc(keySetPaths, func(end string) bool { return strings.HasSuffix(lower, end) }), strings.HasSuffix(lower, "jwks.json"):
		likely := ""
		for _, end := range append([]string{wellKnown + "jwks.json", wellKnown + "jwks"}, keySetPaths...) {
			if trimmed, ok := strings.CutSuffix(path, end); ok {
				likely = fmt.Sprintf(", for example %q", redact(host+trimmed))
				break
			}
		}
		return fmt.Errorf("is the URL of a key set; %s%s, and set Options.KeysURL to this URL", wantIssuer, likely)
	case found:
		return fmt.Errorf("is a well-known URL of a document; %s", wantIssuer)
	}
	return nil
}
