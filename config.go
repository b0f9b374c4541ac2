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

// KeySet provides the keys of an issuer. *[jwks.Cache] and *[jwks.Set] implement it. Other
// implementations MUST be safe for concurrent use, MUST return only keys that fit alg, and
// MUST return errors that wrap [jwks.ErrUnknownKey] or [jwks.ErrUnavailable].
type KeySet interface {
	// Lookup returns the keys in memory that fit kid and alg. It does not wait. If the token
	// has no "kid", kid is empty.
	Lookup(kid, alg string) ([]*jwks.Key, error)
	// Key is called if none of the keys from Lookup verifies the token. It may fetch newer
	// keys, and wait for them until ctx ends. The signature did not verify under the keys in
	// tried, so Key does not return them.
	Key(ctx context.Context, kid, alg string, tried ...*jwks.Key) ([]*jwks.Key, error)
}

// Config configures a [JWTVerifier]. Issuer and Audience are required. [New] checks and
// copies the Config.
type Config struct {
	// Issuer is the authorization server's issuer identifier (RFC 8414, section 2).
	// Required. A token's "iss" must equal Issuer, byte for byte, with two exceptions.
	// Profile.Aliases lists further "iss" values of some issuers. An Issuer that contains
	// "{tenantid}" accepts the tokens of every tenant of Entra ID, and requires Keys (see
	// docs/issuers.md).
	Issuer string
	// Audience lists the identifiers of this API. A token must contain one of them, byte for
	// byte, in "aud" or in the claim that Profile.Audience names instead. Required.
	Audience []string
	// Keys provides the issuer's keys: a *[jwks.Cache], which several verifiers can share, or a
	// fixed *[jwks.Set]. If Keys is nil, the verifier discovers the keys from Issuer and
	// keeps them in a cache of its own until Close. Discovery requires https, except on
	// loopback.
	Keys KeySet
	// Algorithms lists the accepted values of "alg". Valid are RS256, RS384, RS512, PS256,
	// PS384, PS512, ES256, ES384, ES512, EdDSA and Ed25519. Nil means RS256, PS256, ES256,
	// EdDSA and Ed25519. New refuses an empty list.
	Algorithms []string
	// Hierarchy maps scopes to the scopes that they imply. Claims.Scopes returns the implied
	// scopes too. Nil means that no scope implies another.
	Hierarchy scopes.Hierarchy
	// Required lists claims that a token must have in addition to those of
	// Profile.Required. A claim that is null or "" counts as missing. [Profile] describes
	// how to write the name of a claim. Nil means no further claims.
	Required []string
	// MaxLifetime limits the time from "iat" to "exp". If it is set, a token must have "iat".
	// Zero means no limit.
	MaxLifetime time.Duration
	// MaxAge limits the time since "iat". If it is set, a token must have "iat". Zero means
	// no limit.
	MaxAge time.Duration
	// Profile describes how the issuer's tokens differ from RFC 9068. The zero Profile
	// accepts only tokens that follow RFC 9068.
	Profile Profile
	// Custom decodes custom claims, usually with [JSON] or [JSONAt]; the function [Custom]
	// returns the result. Custom is called when a token is verified, and not again while
	// the token is cached, except if the function Custom cannot copy the result. Its
	// argument is a copy of the claims set. Custom must be safe for concurrent use.
	//
	// If Custom returns an error, the token is refused. If the error is or wraps a [Reason]
	// or an *[Error], the refusal has that reason, and otherwise InvalidCustom. Nil means
	// no custom claims.
	Custom func(claims []byte) (any, error)
	// Validate is an additional check of the claims. It is called on every request, after
	// all other checks of the token, and must be safe for concurrent use. Its errors have the
	// same effect as those of Custom. Nil means no additional check.
	Validate func(context.Context, *Claims) error
	// CacheSize is the capacity of the cache of verified tokens, in tokens. The signature of
	// a cached token is not verified again, and checks whose result cannot change are not
	// repeated. Times, the issuer's keys, Validate and the rule are checked on every request.
	// The cache stores the claims of each token under a keyed digest of the token, not the
	// token itself. The cache takes at most CacheSize KiB of memory: if tokens take more than
	// 1 KiB on average, it stores fewer tokens. Zero means 4096. A negative value turns the
	// cache off.
	CacheSize int
	// Observer is notified of the outcome of every request whose guard has no Observer of its
	// own, and of every call of Verify without a guard. Nil means no observer.
	Observer Observer
	// Logger gets a record of each refusal, in addition to the observers. [LogObserver]
	// lists the fields of a record. The whole process writes at most 100 such records a
	// minute; 20 of the 100 are reserved for faults of this service. Faults of this service
	// ([KeysUnavailable], [Internal]) are logged at [slog.LevelError], and other refusals
	// at [slog.LevelWarn]. The first record after the start explains how to log more
	// refusals.
	//
	// If a Verifier of another package wraps this verifier, some refusals are not logged;
	// see [Verifier]. Nil means [slog.Default]. A logger with a [slog.DiscardHandler] turns
	// the records off, for example if a [LogObserver] writes them.
	Logger *slog.Logger
}

// validAlgorithms lists the algorithms of jws.MethodOf for error texts.
const validAlgorithms = "RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA and Ed25519"

// New returns a verifier for the tokens of one issuer. It does not wait for the issuer's
// keys; [JWTVerifier.Ready] does. The error lists every fault of cfg.
func New(cfg Config) (*JWTVerifier, error) { return newVerifier(cfg, nil) }

// newVerifier implements New. If neither cfg nor old sets Config.Keys, the new verifier
// takes over the keys that old discovered.
func newVerifier(cfg Config, old *JWTVerifier) (*JWTVerifier, error) {
	methods, errs := jws.Methods(cfg.Algorithms)
	for i, err := range errs {
		errs[i] = fmt.Errorf("Config.Algorithms: %w; valid are %s", err, validAlgorithms)
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
		errs = append(errs, errors.New("Config.Keys: required because Config.Issuer contains {tenantid}; use the keys at "+
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
		custom:      withCloneCheck(cfg.Custom),
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

// copyHierarchy returns a copy that the caller of New cannot modify.
func copyHierarchy(h scopes.Hierarchy) scopes.Hierarchy {
	fresh := make(scopes.Hierarchy, len(h))
	for scope, implied := range h {
		fresh[scope] = slices.Clone(implied)
	}
	return fresh
}

// faults returns the faults of the fields that newVerifier does not parse.
func (cfg *Config) faults() (errs []error) {
	if cfg.Keys != nil && nilcheck.IsNil(cfg.Keys) {
		errs = append(errs, fmt.Errorf("Config.Keys: a nil %T; leave the field unset to discover the keys", cfg.Keys))
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
		errs = append(errs, errors.New("Config.Audience: required, because it keeps out tokens that are meant for another API (RFC 9068, section 4)"))
	}
	if slices.Contains(cfg.Audience, "") {
		errs = append(errs, fmt.Errorf("Config.Audience: %q contains an empty audience", cfg.Audience))
	}
	for _, d := range []struct {
		field string
		value time.Duration
	}{{"MaxLifetime", cfg.MaxLifetime}, {"MaxAge", cfg.MaxAge}} {
		if d.value < 0 {
			errs = append(errs, fmt.Errorf("Config.%s: %v is negative; 0 means no limit", d.field, d.value))
		}
	}
	return errs
}

// discover starts the verifier's own key cache. If start is false, it only checks that the
// cache can be started: a configuration with other faults must not cause traffic.
func (v *JWTVerifier) discover(start bool) error {
	if _, err := url.ParseRequestURI(v.issuer); err != nil {
		return fmt.Errorf("%q is not a URL, so its keys cannot be discovered; set Config.Keys", v.issuer)
	}
	var opts *jwks.Options
	if !start {
		opts = &jwks.Options{Transport: noTraffic{}, Logger: slog.New(slog.DiscardHandler)}
	}
	cache, err := jwks.Discover(v.issuer, opts)
	if err != nil {
		return fmt.Errorf("%w; to set jwks.Options, set Config.Keys to the result of jwks.Discover", err)
	}
	if !start {
		return cache.Close()
	}
	v.keys, v.closer = cache, cache
	return nil
}

// noTraffic is an [http.RoundTripper] that sends no requests.
type noTraffic struct{}

// RoundTrip returns an error.
func (noTraffic) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("no request is sent, because the configuration has faults")
}
