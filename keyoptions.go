package bearer

import (
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/bearerkit/bearer/internal/fetchlimits"
	"github.com/bearerkit/bearer/jwks"
)

// locatesKeys reports whether the options contain the URL of the keys or of the metadata. So the
// issuer may be a name that is not a URL.
func locatesKeys(opts *jwks.Options) bool {
	return opts != nil && (opts.KeysURL != "" || opts.MetadataURL != "")
}

// discover starts the verifier's own key cache. If start is false, discover only checks
// that the cache can start. The caller passes false if the configuration has other faults,
// because an invalid configuration must not cause traffic.
func (v *JWTVerifier) discover(start bool, given *jwks.Options, limits *jwks.Limits) []error {
	if _, err := url.ParseRequestURI(v.issuer); err != nil && !locatesKeys(given) {
		if strings.Contains(v.issuer, "@") { // it may contain a password
			return []error{errors.New("Config.Issuer: not a URL, and it contains an @; if there is a user and a password before the @, remove them")}
		}
		return []error{fmt.Errorf("Config.Issuer: %q is not a URL, so its keys cannot be discovered; "+
			"set Config.KeyOptions.KeysURL to the URL of the key set, or set Config.Keys", v.issuer)}
	}
	saved := copyKeyOptions(given)
	opts := saved
	if opts.Logger == nil && !discards(v.logger) {
		opts.Logger = v.logger
	}
	if opts.Limits == nil {
		opts.Limits = limits
		if limits != nil && fetchlimits.Problems("", limits.MaxFetches, limits.MaxBytesPerSecond) != nil {
			start, opts.Limits = false, nil // the error of Issuers.change names the limits
		}
	}
	added := !start && opts.MaxRSACost >= 0
	if added {
		opts.MaxRSACost = math.MinInt // with this fault, jwks.Discover checks the other options, but starts nothing
	}
	cache, err := jwks.Discover(v.issuer, &opts)
	if err == nil {
		v.keys, v.closer = cache, cache
		v.optionsEqual = func(next *jwks.Options) bool { return equalKeyOptions(saved, given, next) }
		return nil
	}
	var errs []error
	for _, cause := range causes(fmt.Errorf("%w", err)) {
		if !added || !strings.HasPrefix(cause.Error(), "jwks: Options.MaxRSACost: ") {
			errs = append(errs, &optionError{cause, httpIssuerAdvice(v.issuer, given)})
		}
	}
	return errs
}

// discards reports whether the logger discards all records. A program with a [LogObserver] sets such a
// Config.Logger to turn off the records of refusals. The records about keys must not disappear too.
func discards(logger *slog.Logger) bool {
	return logger != nil && logger.Handler() == slog.DiscardHandler
}

// optionError is an error of jwks.Discover, with the names that the fields have in a Config.
type optionError struct {
	err    error
	advice string // for an issuer with an http URL, the text to read first; see httpIssuerAdvice
}

func (e *optionError) Unwrap() error { return e.err }

var optionNames = strings.NewReplacer(
	"jwks: Options.", "Config.KeyOptions.",
	"jwks: Limits.", "Config.KeyOptions.Limits.",
	"jwks: issuer ", "Config.Issuer: ",
	" Options.", " Config.KeyOptions.",
)

func (e *optionError) Error() string {
	text := optionNames.Replace(e.err.Error())
	if strings.HasPrefix(text, "Config.Issuer: ") {
		text = strings.Replace(text, "http lets attackers", e.advice+"http lets attackers", 1)
	}
	return text
}

// copyKeyOptions returns a copy of opts that the caller of New cannot change.
func copyKeyOptions(opts *jwks.Options) (fresh jwks.Options) {
	if opts == nil {
		return fresh
	}
	fresh = *opts
	fresh.StoreKey = slices.Clone(opts.StoreKey)
	fresh.AuthorizationOrigins = slices.Clone(opts.AuthorizationOrigins)
	if opts.RootCAs != nil {
		fresh.RootCAs = opts.RootCAs.Clone()
	}
	return fresh
}

// equalKeyOptions reports whether the options next are equal to the options saved, which are a
// copy of the options given. Functions cannot be compared. So two functions are equal only if both
// are nil, or if next is the same pointer as given and the code is the same. Two closures of one
// function literal have the same code.
func equalKeyOptions(saved jwks.Options, given, next *jwks.Options) bool {
	other := copyKeyOptions(next)
	if (saved.RootCAs == nil) != (other.RootCAs == nil) || saved.RootCAs != nil && !saved.RootCAs.Equal(other.RootCAs) {
		return false
	}
	a, b := reflect.ValueOf(saved), reflect.ValueOf(other)
	for i := range a.NumField() {
		if x, y := a.Field(i), b.Field(i); x.Type() != reflect.TypeFor[*x509.CertPool]() && !equalOption(x, y, given == next) {
			return false
		}
	}
	return true
}

func equalOption(x, y reflect.Value, samePointer bool) bool {
	if x.Kind() == reflect.Func {
		return x.IsNil() && y.IsNil() || samePointer && x.Pointer() == y.Pointer()
	}
	if x.Kind() == reflect.Slice {
		return x.Len() == y.Len() && (x.Len() == 0 || reflect.DeepEqual(x.Interface(), y.Interface()))
	}
	return x.Comparable() && y.Comparable() && x.Equal(y)
}
