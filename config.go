package bearer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/bearerkit/bearer/internal/claim"
	"github.com/bearerkit/bearer/internal/jws"
	"github.com/bearerkit/bearer/internal/nilcheck"
	"github.com/bearerkit/bearer/internal/tenant"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/scopes"
)

// KeySet is where a verifier finds the keys of its issuer. *[jwks.Cache] and
// *[jwks.Set] are KeySets. Implementations MUST be safe for concurrent use, MUST
// return only keys that fit alg, and MUST return errors that wrap
// [jwks.ErrUnknownKey] or [jwks.ErrUnavailable].
type KeySet interface {
	// Lookup answers at once, from memory. An empty kid stands for a token
	// without one.
	Lookup(kid, alg string) ([]*jwks.Key, error)
	// Key may wait, as long as ctx lets it, for keys newer than those that
	// Lookup finds. It leaves out those in tried, under which the signature was
	// not valid.
	Key(ctx context.Context, kid, alg string, tried ...*jwks.Key) ([]*jwks.Key, error)
}

// Config is what a verifier needs to know. [New] checks and copies it.
type Config struct {
	// Issuer is the authorization server's issuer identifier (RFC 8414, section
	// 2). Tokens must name it in "iss", compared byte for byte. Required.
	Issuer string
	// Audience is the identifiers of this resource; a token must name one of
	// them in "aud", compared byte for byte. Required.
	Audience []string
	// Keys is where the issuer's keys come from: a *[jwks.Cache] that several
	// verifiers share, or a fixed *[jwks.Set]. Nil: they are found by discovery
	// from Issuer, in a cache of the verifier's own, which Close ends. Discovery
	// asks for https, except on loopback.
	Keys KeySet
	// Algorithms is the "alg" values that are accepted, of RS256, RS384, RS512,
	// PS256, PS384, PS512, ES256, ES384, ES512, EdDSA and Ed25519. Nil: RS256,
	// PS256, ES256, EdDSA and Ed25519.
	Algorithms []string
	// Hierarchy is scopes that imply others; Claims.Scopes has them all. Nil: no
	// scope implies another.
	Hierarchy scopes.Hierarchy
	// Required is claims that a token of this issuer must have, besides those that
	// its Profile requires; they are named as there. Nil: none.
	Required []string
	// MaxLifetime bounds "exp" minus "iat". Zero: no bound.
	MaxLifetime time.Duration
	// MaxAge bounds the time since "iat". Zero: no bound.
	MaxAge time.Duration
	// Profile is what the issuer's tokens look like. Zero: RFC 9068 strictly.
	Profile Profile
	// Custom decodes custom claims, once per token, from a copy of the claims
	// set; usually it is [JSON] of a type of yours. An error refuses the token
	// with InvalidCustom. Called by many goroutines at once. Nil: none.
	Custom func(claims []byte) (any, error)
	// Validate has the last word on every request, also where the token was
	// verified before. An error that is or wraps a [Reason] or an *[Error] refuses
	// with that reason, any other with InvalidCustom. Called by many goroutines
	// at once. Nil: none.
	Validate func(context.Context, *Claims) error
	// CacheSize is how many verified tokens are remembered, so that what a token
	// says and its signature are looked at once; all that depends on the time, on
	// the request or on the issuer's keys is looked at each time. No token is kept,
	// but a keyed digest of it and its claims: 1 KiB on average, and CacheSize KiB
	// in all, since larger ones count for several. Zero: 4096. Negative: none.
	CacheSize int
	// Observer is told every outcome: by the guard, if it decides on the request and has
	// no Observer of its own, or else by the verifier. Nil: none.
	Observer Observer
	// Logger gets a record of each refusal, whatever observers there are: at most 100 a
	// minute in the whole process, 20 of which are kept for faults of this service. They
	// are at [slog.LevelWarn], and at [slog.LevelError] if this service is at fault. A record
	// has the fields that [LogObserver] describes. The first record after a start says how
	// to see more. See [Verifier] for verifiers that are wrapped. Nil: [slog.Default]. A logger on [slog.DiscardHandler] turns
	// the records off, for instance beside a [LogObserver].
	Logger *slog.Logger
}

// New returns a verifier for the tokens of one issuer. It does not wait for the
// issuer's keys. The error reports all that is wrong with cfg at once.
func New(cfg Config) (*JWTVerifier, error) { return newVerifier(cfg, nil) }

// newVerifier is New. If neither cfg nor old has Config.Keys, the verifier shares the keys
// that old discovered.
func newVerifier(cfg Config, old *JWTVerifier) (*JWTVerifier, error) {
	methods, errs := jws.Methods(cfg.Algorithms)
	for i, err := range errs {
		errs[i] = fmt.Errorf("Config.Algorithms: %w", err)
	}
	profile, profileErrs := cfg.Profile.resolve()
	errs = append(errs, profileErrs...)
	required, requiredErrs := claim.ParsePaths("Config.Required", cfg.Required)
	errs = append(errs, requiredErrs...)
	errs = append(errs, cfg.Profile.checkIssuer(cfg.Issuer)...)
	template, err := tenant.Parse(cfg.Issuer)
	if err != nil {
		errs = append(errs, fmt.Errorf("Config.Issuer: %w", err))
	}
	if template != nil && cfg.Keys == nil {
		errs = append(errs, errors.New(`Config.Keys: required, since Config.Issuer is a template; use those of the tenant "common", `+
			"https://login.microsoftonline.com/common/discovery/v2.0/keys"))
	}
	errs = append(errs, cfg.faults()...)
	v := &JWTVerifier{
		issuer:      cfg.Issuer,
		template:    template,
		hierarchy:   copyHierarchy(cfg.Hierarchy),
		audience:    slices.Clone(cfg.Audience),
		methods:     methods,
		profile:     profile,
		maxLifetime: cfg.MaxLifetime,
		maxAge:      cfg.MaxAge,
		custom:      cloned(cfg.Custom),
		validate:    cfg.Validate,
		required:    required,
		observer:    cfg.Observer,
		keys:        cfg.Keys,
		logger:      cfg.Logger,
		cache:       newCache(cfg.CacheSize),
	}
	v.index = newIndex(v.cache.Index())
	if cfg.Keys == nil && old != nil && old.closer != nil {
		v.keys, v.closer = old.keys, old.closer
	} else if cfg.Keys == nil && cfg.Issuer != "" && template == nil {
		if err := v.discover(len(errs) == 0); err != nil {
			errs = append(errs, fmt.Errorf("Config.Issuer: %w", err))
		}
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("bearer: %w", errors.Join(errs...))
	}
	return v, nil
}

// copyHierarchy returns a copy that the caller of New cannot change.
func copyHierarchy(h scopes.Hierarchy) scopes.Hierarchy {
	fresh := make(scopes.Hierarchy, len(h))
	for scope, implied := range h {
		fresh[scope] = slices.Clone(implied)
	}
	return fresh
}

// faults returns what is wrong with the fields that need no more than a look.
func (cfg *Config) faults() (errs []error) {
	if cfg.Keys != nil && nilcheck.IsNil(cfg.Keys) {
		errs = append(errs, fmt.Errorf("Config.Keys: a nil %T", cfg.Keys))
	}
	errs = append(errs, checkObserver("Config.Observer", cfg.Observer)...)
	if err := configError(cfg.Custom); err != nil {
		errs = append(errs, fmt.Errorf("Config.Custom: %w", err))
	}
	if err := cfg.Hierarchy.Err(); err != nil {
		errs = append(errs, fmt.Errorf("Config.Hierarchy: %w", err))
	}
	if cfg.Issuer == "" {
		errs = append(errs, errors.New("Config.Issuer: required"))
	}
	if len(cfg.Audience) == 0 {
		errs = append(errs, errors.New("Config.Audience: required, so that a token meant for another API is not accepted (RFC 9068, section 4)"))
	}
	if slices.Contains(cfg.Audience, "") {
		errs = append(errs, fmt.Errorf("Config.Audience: %q: an audience is empty", cfg.Audience))
	}
	for _, d := range []struct {
		field string
		value time.Duration
	}{{"MaxLifetime", cfg.MaxLifetime}, {"MaxAge", cfg.MaxAge}} {
		if d.value < 0 {
			errs = append(errs, fmt.Errorf("Config.%s: %v: negative", d.field, d.value))
		}
	}
	return errs
}

// discover starts a cache of the verifier's own. With start = false it only checks that it
// could: a configuration with other faults must not cause traffic.
func (v *JWTVerifier) discover(start bool) error {
	if _, err := url.ParseRequestURI(v.issuer); err != nil {
		return fmt.Errorf("%q is not a URL to discover keys from; set Config.Keys", v.issuer)
	}
	var opts *jwks.Options
	if !start {
		opts = &jwks.Options{Transport: noTraffic{}, Logger: slog.New(slog.DiscardHandler)}
	}
	cache, err := jwks.Discover(v.issuer, opts)
	if err != nil {
		return err
	}
	if !start {
		return cache.Close()
	}
	v.keys, v.closer = cache, cache
	return nil
}

// noTraffic is a transport that sends nothing.
type noTraffic struct{}

// RoundTrip fails.
func (noTraffic) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("nothing is sent")
}
