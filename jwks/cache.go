package jwks

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"time"
)

// Cache holds the key set of one issuer. A goroutine, the refresher, refreshes the key set
// in the background. Lookups read the key set from memory. [New] and [Discover] return a
// Cache; the zero Cache is not usable. A Cache is safe for concurrent use, and several
// verifiers may share a Cache. Close the Cache when no verifier uses it any more.
//
// If a program forgets a Cache without closing it, the garbage collector ends the refresher some
// time later, and the cache logs a warning. This does not work if Options.Observe, Options.Store
// or Options.Transport refers to the Cache, or to a verifier that uses it.
type Cache struct {
	core    *core
	cleanup runtime.Cleanup
	closed  sync.Once // it also makes go vet report copies, which the cleanup does not know
}

// New returns a cache of the key set at url. It starts the refresher, but does not wait for the
// first fetch. Until the issuer has answered, the cache has only the keys from Options.Store.
// If Options.Store is nil or has no keys, keys are unavailable until then. The error reports
// all problems with url and opts.
//
// The url may also name a file or a folder, for example file:///etc/keys or
// file:///C:/keys/issuer.pem (RFC 8089). The cache reads the files again after
// Options.MinInterval, and when a lookup finds no key. A file contains a JWK Set, a JWK, public
// keys or certificates in PEM, or a JSON object of key ids and PEM. The kid of a key in PEM is the
// name of its file without the extension. In a folder, the cache reads the files whose names end in
// .json, .jwk, .jwks, .pem, .crt, .cer or .pub and do not begin with a full stop, but not the files
// in subfolders. If one file cannot be used, the last good keys stay in use. The dates and the
// signatures of certificates are not checked. Anyone who can write to the files can forge tokens.
func New(url string, opts *Options) (*Cache, error) {
	o := opts.withDefaults()
	var errs []error
	local, urlErrs := o.checkKeysURL("key-set URL", url)
	errs = append(errs, urlErrs...)
	if o.MetadataURL != "" || o.MetadataIssuer != "" {
		errs = append(errs, errors.New("jwks: Options.MetadataURL, Options.MetadataIssuer: New does not use metadata; remove both fields, or call Discover"))
	}
	if o.KeysURL != "" {
		errs = append(errs, errors.New("jwks: Options.KeysURL: New has the URL as its argument; remove the field, or call Discover"))
	}
	errs = append(errs, o.clearProblems(url)...)
	if err := errors.Join(append(errs, o.problems(opts)...)...); err != nil {
		return nil, err
	}
	if local != nil {
		o.Transport = local
	}
	name := o.Issuer
	if name == "" {
		name = redact(url)
	}
	return newCache(o, name, sourceOf("keys at ", url), locator{url: url}), nil
}

// Discover returns a cache of an issuer's key set. The URL of the key set comes from the
// issuer's metadata (OpenID Connect Discovery, RFC 8414). The value of "issuer" in the
// metadata must be exactly Options.MetadataIssuer. If Options.MetadataIssuer is empty, the
// value must be exactly the argument issuer. The key set may be on a different host than the
// metadata. If Options.KeysURL is set, the cache uses no metadata and fetches the key set from
// this URL.
//
// Like New, Discover does not wait, because discovery is part of the first refresh. The cache
// fetches the metadata again after 5 min to 1 h. The header of the last response determines
// this time. If the cache cannot fetch the key set, it fetches the metadata sooner. The error
// reports all problems with issuer and opts.
func Discover(issuer string, opts *Options) (*Cache, error) {
	o := opts.withDefaults()
	var errs []error
	var local http.RoundTripper // set if the keys are in files
	where := locator{issuer: issuer, insecureHTTP: o.InsecureHTTP}
	if o.MetadataIssuer != "" {
		where.issuer = o.MetadataIssuer
	}
	if issuer == "" {
		errs = append(errs, errors.New("jwks: issuer is empty; pass the issuer identifier, such as https://issuer.example"))
	}
	switch {
	case o.KeysURL != "":
		var urlErrs []error
		local, urlErrs = o.checkKeysURL("Options.KeysURL:", o.KeysURL)
		errs = append(errs, urlErrs...)
		if o.MetadataURL != "" || o.MetadataIssuer != "" {
			errs = append(errs, errors.New("jwks: Options.KeysURL: works without metadata only; remove KeysURL, or MetadataURL and MetadataIssuer"))
		}
		where = locator{url: o.KeysURL}
	case o.MetadataURL != "":
		if err := checkURL(o.MetadataURL, o.InsecureHTTP); err != nil {
			errs = append(errs, fmt.Errorf("jwks: Options.MetadataURL: %q: %w", redact(o.MetadataURL), err))
		}
		where.places = []string{o.MetadataURL}
	case issuer != "":
		if err := checkIssuer(issuer, o.InsecureHTTP); err != nil {
			errs = append(errs, fmt.Errorf("jwks: issuer %q: %w", redact(issuer), err))
		}
		where.places = metadataPlaces(issuer)
	}
	if o.Issuer != "" && o.Issuer != issuer {
		errs = append(errs, fmt.Errorf("jwks: Options.Issuer: %q differs from the argument of Discover, %q; leave Options.Issuer empty", redact(o.Issuer), redact(issuer)))
	}
	errs = append(errs, o.clearProblems(where.first())...)
	if err := errors.Join(append(errs, o.problems(opts)...)...); err != nil {
		return nil, err
	}
	o.Issuer = issuer
	if local != nil {
		o.Transport = local
	}
	source := sourceOf("issuer ", issuer)
	if o.KeysURL != "" {
		source += sourceOf(", keys at ", o.KeysURL) // keys from a different URL are not restored
	}
	return newCache(o, issuer, source, where), nil
}

// checkKeysURL returns an error for each problem with a URL of a key set. If the URL names a file
// or folder, it also returns the Transport that reads the files.
func (o *Options) checkKeysURL(label, url string) (local http.RoundTripper, errs []error) {
	path, isFile, err := filePath(url)
	if !isFile {
		err = checkURL(url, o.InsecureHTTP)
	}
	if err != nil {
		errs = append(errs, fmt.Errorf("jwks: %s %q: %w", label, redact(url), err))
	}
	if !isFile {
		return nil, errs
	}
	if o.Transport != nil {
		errs = append(errs, errors.New("jwks: Options.Transport: a file URL needs no Transport; leave Transport nil"))
	}
	if o.RootCAs != nil || o.RootCAFile != "" || o.hasCredentials() {
		errs = append(errs, errors.New("jwks: Options.RootCAs, RootCAFile, ClientCertificate, AuthorizationFile: a file URL needs none of these fields; leave them empty"))
	}
	return files{path, newReading()}, errs
}

// newCache returns the Cache of a new core.
func newCache(o Options, name, source string, where locator) *Cache {
	c := &Cache{core: start(o, name, source, where)}
	c.cleanup = runtime.AddCleanup(c, (*core).abandon, c.core)
	return c
}

// Lookup returns the keys that may verify a token with this kid and alg, as [Set.Lookup]
// does. Lookup reads from memory. It never waits and never causes a fetch. Callers share the
// returned slice: do not modify it.
//
// The error matches ErrUnavailable if there is no key set yet, or if the key set is older than
// Options.MaxStale. If the key set has no such key, the error is usually ErrUnknownKey. But if
// the last refresh failed, or if the issuer has not answered since the start, the issuer may
// have published the key since the last successful refresh. In these two cases, the error
// matches ErrUnavailable.
//
// Lookup takes about 60 ns and does not allocate memory. So code that caches verdicts on tokens
// can call Lookup on every request, with the kid and alg of the token. If the result contains
// the *Key that verified the signature, the issuer still publishes this key.
func (c *Cache) Lookup(kid, alg string) ([]*Key, error) {
	return c.core.lookupAt(kid, alg, time.Now())
}

// LookupAt does what [Cache.Lookup] does, but uses the argument now as the current time and
// does not read the clock. The argument must be an unchanged result of time.Now, because
// LookupAt uses both the wall clock reading and the monotonic clock reading.
func (c *Cache) LookupAt(kid, alg string, now time.Time) ([]*Key, error) {
	return c.core.lookupAt(kid, alg, now)
}

// Key does what [Cache.Lookup] does. If Lookup finds no key, Key fetches the key set and
// waits for the result. Key waits at most 2 s, and stops waiting when ctx ends. Concurrent
// callers share one fetch. If the ctx of a caller ends, the fetch continues. At most 10,000
// goroutines wait at the same time. Further callers do not wait and get an error immediately.
//
// While keys are available, the 2 s count from the start of the fetch. Options.CoolDown and
// the issuer's Retry-After limit the fetches. If they do not allow a fetch, Key returns an
// [*UnavailableError] with NotAsked immediately, and the cache queries the issuer as soon as they allow
// it. The cache remembers for at most one Options.CoolDown, and until the next fetch, which keys the
// issuer does not have. For these keys, Key returns ErrUnknownKey immediately. While keys are unavailable, the cache queries the issuer once per second, and
// obeys Retry-After for at most about a minute. If the issuer has answered that there is nothing
// at the URL, for example with status 404, the pauses grow to 5 s. During a longer pause, Key
// returns an error immediately, whose RetryAfter is the rest of the pause.
//
// The keys in tried are keys that did not verify the signature of the token. Key returns
// only keys that are not in tried, because the issuer may have published new key material
// under the same kid. If keys are available, but all keys that fit are in tried, the error is
// ErrUnknownKey, even if the fetch failed, or an [*UnavailableError] with NotAsked.
//
// Call Key only for a token that passes all checks that need no key. An expired token, or a
// token of a different issuer, must not cause a fetch. Key returns the errors of Lookup, or
// ctx.Err().
func (c *Cache) Key(ctx context.Context, kid, alg string, tried ...*Key) ([]*Key, error) {
	defer runtime.KeepAlive(c) // otherwise, the garbage collector may end the refresher during the call
	return c.core.key(ctx, kid, alg, tried, time.Now())
}

// Ready waits until keys are available, or until ctx ends. If ctx ends first, the error
// matches ErrUnavailable, the error of the last refresh, and ctx.Err(). While Ready waits,
// the cache queries the issuer as often as it does for [Cache.Key]. In a health check, call Ready
// with a context that has a short deadline.
func (c *Cache) Ready(ctx context.Context) error {
	defer runtime.KeepAlive(c)
	return c.core.ready(ctx)
}

// Refresh fetches the key set now, even if the key set in use is fresh, and waits for the
// result. A nil error means that the issuer sent a usable key set, or confirmed the key set
// in use. If the fetch fails, Refresh returns the error of the fetch, and the key set in use
// stays in use. If ctx ends first, Refresh returns ctx.Err(), and the fetch continues.
// Concurrent calls of Refresh share one fetch. A call does not share a fetch that began
// before the call. Refresh does not wait for the end of Retry-After or Options.CoolDown. Waiting
// for Options.Limits does not count in Options.Timeout, so pass a context with a deadline if many
// caches share the Limits.
func (c *Cache) Refresh(ctx context.Context) error {
	defer runtime.KeepAlive(c)
	return c.core.refreshNow(ctx)
}

// Status returns the current state of the cache. It takes less than 1 µs, and its time does not
// depend on the number of keys.
func (c *Cache) Status() Status { return c.core.status() }

// Close stops the refresher and the fetch in flight, and waits until both have ended. If
// a call to the Store is in flight, Close also waits for this call, but at most 2 s. Then Close
// waits until Options.Observe has received the events so far, but at most 2 s.
// Afterwards, lookups return an [*UnavailableError] whose RetryAfter is zero. Close may
// be called more than once. The error is always nil.
func (c *Cache) Close() error {
	c.cleanup.Stop()
	c.core.close(&c.closed)
	return nil
}
