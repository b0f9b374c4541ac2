package dpop

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/durations"
	"github.com/bearerkit/bearer/internal/jws"
	"github.com/bearerkit/bearer/internal/nilcheck"
	"github.com/bearerkit/bearer/internal/proof"
)

// Options configures [New]. Origins or InsecureAnyOrigin is required.
type Options struct {
	// Origins lists the base URLs of this API, as clients write them, for example
	// "https://api.example" or "https://api.example/v1". The target URI of a request is a base URL
	// and the path of the request, and "htu" of the proof must name it (RFC 9449, section 4.3). If
	// there are several base URLs, "htu" may begin with any of them. If a proxy removes a prefix of
	// the path, the base URL must have the prefix. For gRPC, clients sign "https://", the authority
	// and the full method. No header field of the request has an influence: not Host, and not
	// X-Forwarded-Proto. Base URLs must be https, except on loopback.
	Origins []string
	// InsecureAnyOrigin takes the scheme and the host of the target URI from the request itself: from
	// the TLS connection and from the field Host or ":authority". The client chooses the host, so a
	// proof that a client has made for a different API with the same token is accepted here too.
	// Behind a proxy that ends TLS, the scheme is wrong, and all proofs are refused. It is an error
	// together with Origins. False: Origins is required.
	InsecureAnyOrigin bool
	// InsecureHTTP allows http base URLs in Origins for hosts other than loopback. False: such a base
	// URL is an error.
	InsecureHTTP bool
	// Algorithms lists the accepted values of "alg" of proofs, in the order of preference. Challenges
	// and metadata contain the list. Supported are RS256, RS384, RS512, PS256, PS384, PS512, ES256,
	// ES384, ES512, EdDSA and Ed25519. Nil means ES256, Ed25519, EdDSA, PS256 and RS256. An empty list
	// that is not nil is an error.
	Algorithms []string
	// MaxAge is the maximum time since "iat" of a proof, without NonceKeys. Zero means 60 s. More than
	// 5 min is an error.
	MaxAge time.Duration
	// Leeway is the maximum time by which "iat" and "nbf" of a proof may be in the future, for clients
	// whose clocks are ahead. Zero means 10 s. More than 1 min is an error.
	Leeway time.Duration
	// Replays remembers used proofs, so that each proof is accepted once (RFC 9449, section 11.1).
	// Several replicas of a service need a store that they share. Nil means NewReplays(0, 0): a memory
	// of this process. New then logs that each replica accepts a proof once, and that a restart
	// forgets the used proofs.
	Replays Replays
	// SkipReplays does not remember used proofs, so that a proof can be used again until it is too
	// old. It is for a gateway that only checks, in front of a service that checks the same proof
	// again. It is an error together with Replays. False: each proof is accepted once.
	SkipReplays bool
	// InsecureAcceptWithoutReplays accepts proofs while Replays returns errors, and logs them. False:
	// the requests are refused with bearer.Unavailable.
	InsecureAcceptWithoutReplays bool
	// NonceKeys are secrets from which the nonces of this service are made (RFC 9449, section 8). If
	// there are any, every proof must have a nonce, and the time of the nonce decides instead of
	// "iat", so that the clocks of clients do not matter. A client gets its first nonce with a refusal
	// (bearer.ProofNonce) and repeats the request. All replicas need the same keys. The first key makes
	// nonces, and all keys are accepted, so that keys can be replaced one after the other. A key has
	// at least 32 bytes. Nil means that proofs need no nonce, and "nonce" is ignored.
	NonceKeys [][]byte
	// NoncePeriod is the time for which the same period of nonces lasts. A nonce is accepted in its
	// period and in the next one. Zero means 1 min. It must be from 10 s to 5 min.
	NoncePeriod time.Duration
	// Logger gets the records of New and of InsecureAcceptWithoutReplays. Nil means slog.Default.
	Logger *slog.Logger
}

// Replays remembers which proofs were used. [NewReplays] returns one for a single process. Other
// implementations share the used proofs between processes. They must be safe for concurrent use.
type Replays interface {
	// Seen reports whether key was passed to Seen before, and remembers key until the time until, in
	// one step: of two concurrent calls with a new key, exactly one returns false. If Seen cannot
	// remember a new key, it returns an error, and must not forget another key that is not over. The
	// key has the form "owner.id", in base64url: owner stands for the key of the client, so that a
	// store can limit the number of entries for each client.
	Seen(ctx context.Context, key string, until time.Time) (seen bool, err error)
}

// The defaults and limits of Options.
const (
	defaultMaxAge      = time.Minute
	maxMaxAge          = 5 * time.Minute
	defaultLeeway      = 10 * time.Second
	maxLeeway          = time.Minute
	defaultNoncePeriod = time.Minute
	minNoncePeriod     = 10 * time.Second
	maxNoncePeriod     = 5 * time.Minute
	minNonceKey        = 32 // bytes
)

// defaultAlgorithms is the default of Options.Algorithms.
func defaultAlgorithms() []string { return []string{"ES256", "Ed25519", "EdDSA", "PS256", "RS256"} }

// New returns the binding of DPoP for bearer.Config.Bindings. If opts has faults, the error lists
// every fault. Several verifiers may share the binding; a proof is then accepted once by all of them
// together.
func New(opts Options) (bearer.Binding, error) {
	c := &checker{
		maxAge: orDefault(opts.MaxAge, defaultMaxAge), leeway: orDefault(opts.Leeway, defaultLeeway),
		replays: opts.Replays, acceptWithout: opts.InsecureAcceptWithoutReplays, logger: opts.Logger,
		noncePeriod: orDefault(opts.NoncePeriod, defaultNoncePeriod), algorithms: slices.Clone(opts.Algorithms),
	}
	errs := opts.faults()
	var originErrs []error
	c.bases, originErrs = opts.bases()
	errs = append(errs, originErrs...)
	if opts.Algorithms == nil {
		c.algorithms = defaultAlgorithms()
	}
	if len(errs) > 0 {
		return bearer.Binding{}, fmt.Errorf("dpop: %w", errors.Join(errs...))
	}
	scope := slices.Sorted(slices.Values(c.bases)) // replicas may list the base URLs in another order
	c.scope = strings.Join(slices.Compact(scope), " ")
	if len(opts.NonceKeys) > 0 {
		c.nonces = proof.NewNonces(c.noncePeriod, c.scope, opts.NonceKeys...)
	}
	if c.logger == nil {
		c.logger = slog.Default()
	}
	if c.replays == nil && !opts.SkipReplays {
		c.replays, _ = NewReplays(0, 0) // these arguments are valid
		c.logger.Info("dpop: used proofs are remembered in this process only: each replica accepts a proof once, and a restart forgets the used proofs (dpop.Options.Replays)")
	}
	return bearer.Binding{Member: "jkt", Scheme: "DPoP", Algorithms: slices.Clone(c.algorithms), Check: c.check}, nil
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

// faults returns the faults of the options other than Origins.
func (o *Options) faults() (errs []error) {
	if o.Algorithms != nil {
		_, algErrs := jws.Methods(o.Algorithms)
		for _, err := range algErrs {
			errs = append(errs, fmt.Errorf("Options.Algorithms: %w", err))
		}
	}
	for _, d := range []struct {
		name            string
		value, min, max time.Duration
	}{
		{"MaxAge", o.MaxAge, 0, maxMaxAge},
		{"Leeway", o.Leeway, 0, maxLeeway},
		{"NoncePeriod", o.NoncePeriod, minNoncePeriod, maxNoncePeriod},
	} {
		if d.value < 0 || d.value > d.max || d.value != 0 && d.value < d.min {
			errs = append(errs, fmt.Errorf("Options.%s: %v: must be from %v to %v", d.name, d.value, d.min, d.max))
		} else if err := durations.Check("Options."+d.name, d.value, time.Second, time.Minute); err != nil {
			errs = append(errs, err)
		}
	}
	if o.Replays != nil && nilcheck.IsNil(o.Replays) {
		errs = append(errs, fmt.Errorf("Options.Replays: a nil %T; for the memory of this process, leave the field unset", o.Replays))
	}
	if o.SkipReplays && o.Replays != nil {
		errs = append(errs, errors.New("Options.SkipReplays: does not work together with Options.Replays; remove one of them"))
	}
	for i, key := range o.NonceKeys {
		if len(key) < minNonceKey {
			errs = append(errs, fmt.Errorf("Options.NonceKeys[%d]: has %d bytes, want at least %d random bytes", i, len(key), minNonceKey))
		}
	}
	return errs
}

// bases returns the canonical base URLs, without a slash at the end.
func (o *Options) bases() (bases []string, errs []error) {
	switch {
	case len(o.Origins) == 0 && !o.InsecureAnyOrigin:
		return nil, []error{errors.New("Options.Origins: required; list the base URLs of this API as clients write them, such as https://api.example")}
	case len(o.Origins) > 0 && o.InsecureAnyOrigin:
		errs = append(errs, errors.New("Options.InsecureAnyOrigin: does not work together with Options.Origins; remove one of them"))
	}
	for _, origin := range o.Origins {
		base, err := proof.Target(origin, false)
		if err != nil || strings.ContainsAny(origin, "?#") {
			errs = append(errs, fmt.Errorf("Options.Origins: %q: must be an absolute URL without user information, query and fragment", origin))
			continue
		}
		if u, err := url.Parse(base); err != nil || u.Scheme != "https" && !o.InsecureHTTP && !isLoopback(u.Hostname()) {
			errs = append(errs, fmt.Errorf("Options.Origins: %q: must be https, or http on loopback", origin))
			continue
		}
		bases = append(bases, strings.TrimSuffix(base, "/"))
	}
	return bases, errs
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// digest returns a hash of texts in base64url.
func digest(texts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(texts, "\x00")))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
