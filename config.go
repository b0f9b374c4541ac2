package bearer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bearerkit/bearer/internal/claim"
	"github.com/bearerkit/bearer/internal/durations"
	"github.com/bearerkit/bearer/internal/jws"
	"github.com/bearerkit/bearer/internal/nilcheck"
	"github.com/bearerkit/bearer/internal/tenant"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/scopes"
)

// KeySet provides the keys of an issuer. *[jwks.Cache] and *[jwks.Set] implement it. Other
// implementations MUST be safe for concurrent use, MUST return only keys that fit alg, and
// MUST return errors that wrap [jwks.ErrUnknownKey] or [jwks.ErrUnavailable]. There
// is one exception: if ctx ends, Key may return ctx.Err().
type KeySet interface {
	// Lookup returns the keys in memory that fit kid and alg. It does not wait. For a token
	// without "kid", the argument kid is "".
	Lookup(kid, alg string) ([]*jwks.Key, error)
	// Key is called if none of the keys from Lookup verifies the token. It may fetch newer
	// keys, and wait for the newer keys until ctx ends. The argument tried lists the keys
	// under which the signature did not verify. Key does not return these keys.
	Key(ctx context.Context, kid, alg string, tried ...*jwks.Key) ([]*jwks.Key, error)
}

// Config configures a [JWTVerifier]. The fields Issuer and Audience are required. [New]
// checks and copies the Config.
type Config struct {
	// Issuer is the issuer identifier of the authorization server (RFC 8414, section 2).
	// Required. The "iss" of a token must equal Issuer byte for byte, with two exceptions.
	// First, some issuers use several "iss" values, which Profile.Aliases lists. Second, an
	// Issuer that contains "{tenantid}" matches the "iss" of every tenant of Entra ID. Such an
	// Issuer requires the field Keys or KeyOptions.KeysURL (see docs/issuers.md). With the profile
	// [SPIFFE], Issuer is a trust domain, such as "spiffe://example.org", and is compared with the
	// trust domain in "sub".
	Issuer string
	// Audience lists the identifiers of this API. Required. A token must contain one of these
	// identifiers in "aud", or in the claim that Profile.Audience names instead. The
	// identifiers are compared byte for byte.
	Audience []string
	// Tenants lists the accepted customers of an issuer that issues the tokens of all its
	// customers under one identifier. Such an issuer signs a token for everyone, with any
	// audience. New requires Tenants, Validate or InsecureAnyTenant in these cases:
	//   - Profile.TenantClaims is not empty, as in the profiles [GitHubActions] and [Google].
	//   - Issuer is an issuer of this kind that New knows (see docs/issuers.md).
	//   - Issuer contains "{tenantid}".
	//
	// Rules of routes do not count, because New does not see them.
	//
	// A token is accepted if a claim of Profile.TenantClaims is a string that equals an entry byte
	// for byte. If Issuer contains "{tenantid}", the claim is "tid". An entry "NAME=VALUE" is
	// accepted only in the claim NAME. Any other entry is accepted in each claim whose form it has.
	// For GitHub and GitLab, always name the claim, for example "repository_owner_id=65" or
	// "project_id=20": the entry "65" also accepts the repository with the identifier 65, which
	// can have a different owner. New logs a warning about such numbers to Logger. The claim
	// "email" is accepted only if "email_verified" is true. Other tokens are refused with
	// [InvalidClaims].
	//
	// New does not see what Validate checks. If Validate has a different purpose, such as
	// revocation, every customer is accepted without an error: set Tenants too.
	//
	// Entries of a wrong form, such as names of repositories, are an error. An empty list that is
	// not nil is an error. Nil means no check.
	Tenants []string
	// InsecureAnyTenant accepts the tokens of every customer of the issuer, even if Tenants and
	// Validate are nil. Every rule must then check the customer, for example with [ClaimEquals].
	// Both Tenants and InsecureAnyTenant together are an error. False means that New checks the
	// configuration as described at Tenants.
	InsecureAnyTenant bool
	// Keys provides the issuer's keys. Several verifiers can share one *[jwks.Cache]. A
	// *[jwks.Set] holds fixed keys. If Keys is nil, the verifier discovers the keys from
	// Issuer, and keeps the keys in its own cache until Close. Discovery requires https,
	// except on loopback. KeyOptions changes how the keys are fetched.
	Keys KeySet
	// KeyOptions are the options of the verifier's own cache: where and how it fetches the keys.
	// For example, KeysURL or MetadataURL name an address inside the cluster, RootCAFile names the
	// certificates of your own CA, and AuthorizationFile names the file with a token for the
	// endpoint (see docs/issuers.md). The fields have the meaning that [jwks.Discover] documents.
	// An error calls them Config.KeyOptions. KeyOptions together with Keys is an error, because
	// the cache in Keys has its own options. If KeyOptions.Limits is nil, [Issuers.Limits] apply. If
	// KeyOptions.Logger is nil, Logger applies.
	// New copies the options. To change them, pass a new value to [Issuers.Replace], which may not
	// see that a function of the same value was changed. Nil means the defaults.
	KeyOptions *jwks.Options
	// Algorithms lists the accepted values of "alg". The supported algorithms are RS256,
	// RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA and Ed25519. Nil means
	// RS256, PS256, ES256, EdDSA and Ed25519, or for the profile [SPIFFE] the algorithms of
	// RSA and EC keys. An empty list that is not nil is an error.
	Algorithms []string
	// Hierarchy maps each scope to the scopes that it implies. Claims.Scopes includes the
	// implied scopes. Nil means that scopes imply no other scopes.
	Hierarchy scopes.Hierarchy
	// Required lists claims that a token must have, in addition to the claims that
	// Profile.Required lists. A claim that is null or "" counts as missing. [Profile]
	// describes how to write the name of a claim. Nil means no further claims.
	Required []string
	// MaxLifetime is the maximum time from "iat" to "exp". If MaxLifetime is set, a token must
	// have "iat". A MaxLifetime or MaxAge of less than 1 s that does not consist of whole
	// milliseconds is an error, because it is usually a number without a unit. Zero means no limit.
	MaxLifetime time.Duration
	// MaxAge is the maximum time since "iat". If MaxAge is set, a token must have "iat". Zero
	// means no limit.
	MaxAge time.Duration
	// Leeway is added to the tolerance of every time claim, for issuers and machines whose clocks
	// differ. The tolerance of "exp" without Leeway is zero: with a Leeway, a token is accepted
	// until Leeway after "exp", and so is a cached token. The tolerance of "nbf" and "iat" without
	// Leeway is 60 s. Leeway changes neither MaxAge nor MaxLifetime, whose values are your own
	// choice. [Claims.ExpiresAt] stays "exp", and [Claims.ValidUntil] includes the Leeway.
	//
	// A Leeway lets a stolen token work longer. First correct the clocks. Negative values, more than
	// 5 min, and less than 1 s without whole milliseconds are errors. Zero means no further
	// tolerance. With [Issuers], each issuer has its own Leeway.
	Leeway time.Duration
	// Profile describes how the issuer's tokens differ from RFC 9068. The zero Profile
	// accepts only tokens that follow RFC 9068.
	Profile Profile
	// The function in the field Custom is the decoder of custom claims. Most configurations
	// use [JSON] or the result of [JSONAt] as the decoder. In a handler, the package function
	// [Custom] returns the decoded claims.
	//
	// The verifier calls the decoder when it verifies a token, and then caches the result. The
	// package function Custom calls the decoder again only if it cannot copy the result. The
	// argument of the decoder is a copy of the claims set. The decoder must be safe for
	// concurrent use. In a value of type any, integers above 2^53 are rounded; [JSON] says how to get
	// exact numbers.
	//
	// If the decoder returns an error, the token is refused. If the error is or wraps a
	// [Reason] or an *[Error], the refusal has the reason of this error. Otherwise the reason
	// is [InvalidCustom]. Nil means no custom claims.
	Custom func(claims []byte) (any, error)
	// Validate is an additional check of the claims. The verifier calls Validate on every
	// request, after all other checks of the token. Validate must be safe for concurrent use.
	// An error from Validate has the same effect as an error from the decoder in Custom. Nil
	// means no additional check.
	Validate func(context.Context, *Claims) error
	// Bindings lists the ways in which tokens may be bound to a key of the client (RFC 7800), such as
	// the result of dpop.New for DPoP (RFC 9449). The verifier checks on every request that the client
	// holds the key. Config.Issuer decides which tokens are bound: a token with one of these bindings
	// is never accepted without the check, and a token that is bound in a different way is refused
	// with [WrongBinding]. Nil: every bound token is refused.
	Bindings []Binding
	// RequireBound refuses tokens that are not bound by one of Bindings, with [WrongBinding]. It is an
	// error if Bindings is empty. False: tokens that are not bound are accepted too.
	RequireBound bool
	// CacheSize is the maximum number of tokens in the cache of verified tokens. For a cached
	// token, the verifier does not verify the signature again and does not repeat checks whose
	// result cannot change. On every request, it still checks the times and the issuer's keys,
	// and calls Validate; the guard applies the rule.
	//
	// The cache stores the claims of a token and a keyed digest of the token. It does not
	// store the token. The cached tokens take at most CacheSize KiB of memory, and the headers
	// that tokens share take at most 1 MiB. If tokens take more than 1 KiB on average, the
	// cache stores fewer tokens than CacheSize. The value of the decoder in Custom counts with
	// all memory that it references, and at least as much as the claims set.
	//
	// Some values of Custom count exactly as much as the claims set, even if they take more
	// memory: values with a method Clone, with a lock, or of a type that the package function
	// Custom cannot copy. The verifier does not read these values, because other goroutines
	// can change them. Zero means 4096. A negative value turns the cache off.
	CacheSize int
	// Observer is notified of the outcome of every request, unless Options.Observer of the
	// guard is set. It is also notified of the outcome of every call of Verify without a
	// guard. Nil means no observer.
	Observer Observer
	// Logger gets a record of each refusal, even if an observer is notified too. [LogObserver]
	// lists the fields of a record. In each minute, the whole process writes at most 20 records
	// of faults of this service ([KeysUnavailable], [Internal]), and at most 80 records of
	// other refusals. The level of faults is [slog.LevelError], and the level of other refusals
	// is [slog.LevelWarn]. The first record of the process explains how to log more refusals.
	// The last record before one of the limits says that further refusals are not logged. The
	// requests of bearertest.Unguarded are not logged.
	//
	// Records about keys go to Logger too, unless KeyOptions.Logger or Keys is set. They are not limited.
	// They go to [slog.Default] if Logger has the [slog.DiscardHandler]. After [Issuers.Replace] with
	// another Logger, a key cache that stays in use keeps its logger.
	//
	// If a Verifier of another package wraps this verifier, some refusals are not logged; see
	// [Verifier]. Nil means the Logger of the [Issuers] to which the Config is added, or
	// [slog.Default]. To turn the records off, for example because a [LogObserver] logs the
	// refusals, set a logger with a [slog.DiscardHandler].
	Logger *slog.Logger
}

// validAlgorithms is the part of an error text that lists the algorithms of jws.MethodOf.
const validAlgorithms = "RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA and Ed25519"

// New returns a verifier for the tokens of one issuer. It does not wait for the issuer's
// keys. To wait for the keys, call [JWTVerifier.Ready]. If cfg has faults, the error lists
// every fault.
func New(cfg Config) (*JWTVerifier, error) { return newVerifier(cfg, nil, nil) }

// newVerifier implements New and Replace. The argument old is the verifier that Replace
// replaces; New passes nil. If neither cfg nor the configuration of old sets Keys, and if the
// KeyOptions of both are equal, the new verifier takes over the keys that old discovered. The argument limits is shared by the
// verifiers of one Issuers; New passes nil.
func newVerifier(cfg Config, old *JWTVerifier, limits *jwks.Limits) (*JWTVerifier, error) {
	methods, errs := jws.Methods(cfg.algorithms())
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
	located := locatesKeys(cfg.KeyOptions)
	domain, domainErrs := cfg.trustDomain()
	errs = append(errs, domainErrs...)
	if template != nil && cfg.Keys == nil && !located {
		errs = append(errs, errors.New("Config.KeyOptions.KeysURL or Config.Keys: required because Config.Issuer contains {tenantid}"+commonKeysAdvice(cfg.Issuer)))
	}
	addressWarning, addressErr := cfg.checkAddress()
	if addressErr != nil {
		errs = append(errs, addressErr)
	}
	tenants, tenantErrs := cfg.tenants(template != nil)
	errs = append(errs, tenantErrs...)
	errs = append(errs, cfg.faults()...)
	v := &JWTVerifier{
		issuer:       cfg.Issuer,
		template:     template,
		domain:       domain,
		tenants:      tenants.list,
		unlisted:     tenants.otherwise,
		hierarchy:    copyHierarchy(cfg.Hierarchy),
		audience:     slices.Clone(cfg.Audience),
		audiences:    claim.NewTexts(cfg.Audience),
		methods:      methods,
		accepts:      cfg.newAccepts(),
		requireBound: cfg.RequireBound,
		profile:      profile,
		maxLifetime:  cfg.MaxLifetime,
		maxAge:       cfg.MaxAge,
		leeway:       cfg.Leeway,
		custom:       withCloneCheck(cfg.Custom),
		validate:     cfg.Validate,
		required:     required,
		observer:     cfg.Observer,
		keys:         cfg.Keys,
		logger:       cfg.Logger,
		cache:        newCache(cfg.CacheSize),
	}
	v.index = newIndex(v.cache.Index())
	if cfg.Keys == nil && old != nil && old.closer != nil && old.optionsEqual(cfg.KeyOptions) {
		v.keys, v.closer, v.optionsEqual = old.keys, old.closer, old.optionsEqual
	} else if cfg.Keys == nil && cfg.Issuer != "" && (template == nil && domain == "" || located) {
		errs = append(errs, v.discover(len(errs) == 0, cfg.KeyOptions, limits)...)
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("bearer: %w", errors.Join(errs...))
	}
	tenants.warnAmbiguous(&cfg)
	profile.warnNoScopes(&cfg)
	profile.warnForbidden(&cfg)
	cfg.warnAddress(addressWarning)
	return v, nil
}

// The method warn logs a warning about a configuration that is valid, but probably not meant.
func (cfg *Config) warn(message string, attrs ...slog.Attr) {
	logger := cfg.Logger
	if logger == nil {
		logger = slog.Default()
	}
	logger.LogAttrs(context.Background(), slog.LevelWarn, message, attrs...) //nolint:sloglint // all callers pass a constant
}

// commonKeysAdvice returns a text with the URL of the keys of all tenants, for an issuer with a
// placeholder. It returns "" for an issuer that is not in a cloud of Entra ID.
func commonKeysAdvice(issuer string) string {
	if url := tenant.CommonKeys(issuer); url != "" {
		return "; use the keys at " + url
	}
	return ""
}

// copyHierarchy returns a deep copy, which the caller of New cannot modify.
func copyHierarchy(h scopes.Hierarchy) scopes.Hierarchy {
	fresh := make(scopes.Hierarchy, len(h))
	for scope, implied := range h {
		fresh[scope] = slices.Clone(implied)
	}
	return fresh
}

// shortestAge is the shortest usual duration of Config.MaxLifetime and Config.MaxAge. A shorter
// duration must consist of whole milliseconds; see durations.Check.
const shortestAge = time.Second

const (
	// maxLeeway is the maximum of Config.Leeway. RFC 7519, section 4.1.4, allows a leeway of usually
	// no more than a few minutes.
	maxLeeway = 5 * time.Minute
	// shortestLeeway is the shortest usual Config.Leeway. A shorter leeway must consist of whole
	// milliseconds; see durations.Check.
	shortestLeeway = time.Second
)

// checkLeeway returns the fault of Config.Leeway, or nil.
func (cfg *Config) checkLeeway() error {
	switch {
	case cfg.Leeway < 0:
		return fmt.Errorf("Config.Leeway: %v is negative; 0 means no further tolerance", cfg.Leeway)
	case cfg.Leeway > maxLeeway:
		return fmt.Errorf("Config.Leeway: %v is more than %v; correct the clocks of this machine and of the issuer instead", cfg.Leeway, maxLeeway)
	}
	return durations.Check("Config.Leeway", cfg.Leeway, shortestLeeway, time.Minute)
}

// checkNoWildcards returns an error for each scope of h that contains "*". A Hierarchy does not
// expand wildcards, so such an entry does nothing if Profile.WildcardScopes is set.
func checkNoWildcards(h scopes.Hierarchy) (errs []error) {
	for _, scope := range slices.Sorted(maps.Keys(h)) {
		for _, name := range append([]string{scope}, h[scope]...) {
			if strings.Contains(name, "*") {
				errs = append(errs, fmt.Errorf("Config.Hierarchy: %q in the hierarchy of %q: with Profile.WildcardScopes, a name must not contain *, because wildcards are not expanded; list the scopes themselves", name, scope))
			}
		}
	}
	return errs
}

// faults returns the faults of the fields that newVerifier does not parse.
func (cfg *Config) faults() (errs []error) {
	if cfg.Keys != nil && nilcheck.IsNil(cfg.Keys) {
		errs = append(errs, fmt.Errorf("Config.Keys: a nil %T; to discover the keys, leave the field unset", cfg.Keys))
	}
	if sources, ok := cfg.Keys.(*jwks.Sources); ok && sources != nil && (len(sources.Caches) == 0 || slices.Contains(sources.Caches, nil)) {
		errs = append(errs, errors.New("Config.Keys: a jwks.Sources without Caches, or with a nil Cache"))
	}
	if cfg.Keys != nil && cfg.KeyOptions != nil {
		errs = append(errs, errors.New("Config.KeyOptions: works only if Config.Keys is nil; pass the options to jwks.Discover or jwks.New, or remove Config.Keys"))
	}
	errs = append(errs, checkObserver("Config.Observer", cfg.Observer)...)
	if err := configError(cfg.Custom); err != nil {
		errs = append(errs, fmt.Errorf("Config.Custom: %w", err))
	}
	if err := cfg.Hierarchy.Err(); err != nil {
		errs = append(errs, fmt.Errorf("Config.Hierarchy: %w", err))
	}
	if cfg.Profile.WildcardScopes {
		errs = append(errs, checkNoWildcards(cfg.Hierarchy)...)
	}
	if cfg.Issuer == "" {
		errs = append(errs, errors.New("Config.Issuer: required; set it to the claim \"iss\" of the issuer's tokens"))
	}
	if len(cfg.Audience) == 0 {
		errs = append(errs, errors.New("Config.Audience: required, because a token for a different API must be refused (RFC 9068, section 4)"))
	}
	if slices.Contains(cfg.Audience, "") {
		errs = append(errs, fmt.Errorf("Config.Audience: %q contains an empty audience; remove it", cfg.Audience))
	}
	for _, d := range []struct {
		field string
		value time.Duration
	}{{"MaxLifetime", cfg.MaxLifetime}, {"MaxAge", cfg.MaxAge}} {
		if d.value < 0 {
			errs = append(errs, fmt.Errorf("Config.%s: %v is negative; 0 means no limit", d.field, d.value))
		}
		if err := durations.Check("Config."+d.field, d.value, shortestAge, time.Hour); err != nil {
			errs = append(errs, err)
		}
	}
	if err := cfg.checkLeeway(); err != nil {
		errs = append(errs, err)
	}
	return append(errs, cfg.checkBindings()...)
}
