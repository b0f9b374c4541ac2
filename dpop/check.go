package dpop

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/perminute"
	"github.com/bearerkit/bearer/internal/proof"
	"github.com/bearerkit/bearer/internal/quote"
)

// checker checks proofs.
type checker struct {
	bases          []string // without a slash at the end; nil: Options.InsecureAnyOrigin
	scope          string   // separates APIs that share a store or the keys of nonces
	algorithms     []string
	maxAge, leeway time.Duration
	nonces         *proof.Nonces // nil: proofs need no nonce
	noncePeriod    time.Duration
	replays        Replays // nil: Options.SkipReplays
	acceptWithout  bool
	logger         *slog.Logger
	withoutReplays perminute.Count
}

// check implements Binding.Check (RFC 9449, section 4.3). The order has a purpose. The key in the
// proof is chosen by the client, so the signature is verified only if the token is bound to this key.
// A proof counts as used only if everything else is right, because otherwise an attacker can use up
// the proofs of others.
func (c *checker) check(ctx context.Context, p bearer.Proof) error {
	read, err := c.read(p)
	if err != nil {
		return err
	}
	if err := read.Verify(); err != nil {
		return invalid(err)
	}
	claims, err := read.Claims()
	if err != nil {
		return invalid(err)
	}
	now := time.Now()
	if claims.Method != p.Request.Method {
		return invalid(fmt.Errorf("the proof is for the method %q, and the method of the request is %q", quote.Cut(claims.Method), quote.Cut(p.Request.Method)))
	}
	if err := c.checkTarget(claims.URI, p.Request); err != nil {
		return invalid(err)
	}
	if err := c.checkTimes(claims, now); err != nil {
		return invalid(err)
	}
	if claims.TokenHash != p.TokenHash {
		return invalid(errors.New(`"ath" of the proof is missing or is not the hash of the token`))
	}
	if err := c.checkNonce(claims, p, now); err != nil {
		return err
	}
	if p.DryRun || c.replays == nil {
		return nil
	}
	return c.use(ctx, claims, p.Confirmation, now)
}

func invalid(err error) error { return &bearer.Error{Reason: bearer.InvalidProof, Err: err} }

// The method read reads the form of the proof, and compares its key with the token.
func (c *checker) read(p bearer.Proof) (*proof.Proof, error) {
	switch len(p.Request.Proofs) {
	case 0:
		return nil, invalid(errors.New("the request has no DPoP field"))
	case 1:
	default:
		return nil, invalid(errors.New("the request has more than one DPoP field"))
	}
	read, err := proof.Read(p.Request.Proofs[0])
	if err != nil {
		return nil, invalid(err)
	}
	if alg := read.Algorithm(); !slices.Contains(c.algorithms, alg) {
		return nil, invalid(fmt.Errorf(`"alg" of the proof is %q, want one of %q`, quote.Cut(alg), c.algorithms))
	}
	if got := read.Thumbprint(); got != p.Confirmation {
		return nil, &bearer.Error{Reason: bearer.WrongBinding, Err: fmt.Errorf("the proof has a different key than the token: its thumbprint is %q, and the token is bound to %q", got, quote.Cut(p.Confirmation))}
	}
	return read, nil
}

// checkTarget compares "htu" with the target URI of the request.
func (c *checker) checkTarget(htu string, r *bearer.Request) error {
	upgrade := r.Scheme == "wss" || r.Scheme == "ws"
	got, err := proof.Target(htu, upgrade)
	if err != nil {
		return fmt.Errorf(`"htu" of the proof: %w`, err)
	}
	// The path of a request can have other characters than a URI. "#" or "?" is the end of a path in "htu".
	if !strings.HasPrefix(r.Path, "/") || strings.ContainsAny(r.Path, "?#") {
		return errors.New("the request has no path to which a proof can belong")
	}
	bases := c.bases
	if bases == nil {
		if strings.ContainsAny(r.Host, "/?#") {
			return errors.New("the host of the request is not a host")
		}
		bases = []string{r.Scheme + "://" + r.Host}
	}
	for _, base := range bases {
		if want, err := proof.Target(base+r.Path, upgrade); err == nil && want == got {
			return nil
		}
	}
	return fmt.Errorf("the proof is for %q, and the target URI of the request is %q%s; if clients use a different address of this API, set dpop.Options.Origins to it",
		quote.CutTo(got, maxURI), quote.CutTo(bases[0]+r.Path, maxURI), moreBases(len(bases)))
}

// maxURI is the maximum number of bytes of a URI in a text for logs.
const maxURI = 200

func moreBases(n int) string {
	if n == 1 {
		return ""
	}
	return fmt.Sprintf(" (or begins with one of the %d other Origins)", n-1)
}

// checkTimes checks "iat", "exp" and "nbf". If the proof must have a nonce, the time of the nonce
// decides instead of "iat" (RFC 9449, section 4.3, step 11).
func (c *checker) checkTimes(claims *proof.Claims, now time.Time) error {
	switch age := now.Sub(claims.IssuedAt); {
	case c.nonces != nil:
	case age > c.maxAge:
		return fmt.Errorf("the proof is %v old, want at most %v; it is an old proof, or the clock of the client is behind", age.Round(time.Second), c.maxAge)
	case -age > c.leeway:
		return fmt.Errorf(`"iat" of the proof is %v in the future, want at most %v; the clock of the client is ahead`, (-age).Round(time.Second), c.leeway)
	}
	if end := claims.ExpiresAt; !end.IsZero() && !now.Before(end) {
		return errors.New(`"exp" of the proof has passed`)
	}
	if claims.NotBefore.Sub(now) > c.leeway {
		return errors.New(`"nbf" of the proof is in the future`)
	}
	return nil
}

// checkNonce checks "nonce". If the nonce is not of the current period, the response gets a new one,
// so that the client does not need a refusal to get it.
func (c *checker) checkNonce(claims *proof.Claims, p bearer.Proof, now time.Time) error {
	if c.nonces == nil {
		return nil
	}
	valid, current := c.nonces.Check(claims.Nonce, now)
	if !valid {
		text := "the nonce of the proof is old or is not from this service"
		if !claims.HasNonce {
			text = "the proof has no nonce"
		}
		return &bearer.Error{Reason: bearer.ProofNonce, Nonce: c.nonces.Make(now), Err: errors.New(text)}
	}
	if !current && p.SetNonce != nil {
		p.SetNonce(c.nonces.Make(now))
	}
	return nil
}

// The method use marks the proof as used. The id contains the key of the client, because the same
// "jti" under another key is a different proof. It contains the base URLs, so that two APIs can share
// a store.
func (c *checker) use(ctx context.Context, claims *proof.Claims, thumbprint string, now time.Time) error {
	until := claims.IssuedAt.Add(c.maxAge + c.leeway)
	if c.nonces != nil {
		until = now.Add(3 * c.noncePeriod) // a nonce of the next period is valid until then
	}
	key := digest(c.scope, thumbprint)[:ownerLength] + "." + digest(c.scope, thumbprint, claims.ID)
	seen, err := c.replays.Seen(ctx, key, until)
	switch {
	case seen && err == nil:
		return invalid(proof.ErrUsed)
	case err == nil:
		return nil
	case !c.acceptWithout:
		return &bearer.Error{Reason: bearer.Unavailable, Err: fmt.Errorf("used proofs cannot be remembered: %w", err)}
	}
	if number, unlogged := c.withoutReplays.Add(now, 1); number == 1 {
		c.logger.WarnContext(ctx, "dpop: proofs are accepted without a check for replays, because the store returns errors", "error", err, "not_logged_before", unlogged)
	}
	return nil
}

// ownerLength is the length of the first part of a key of Replays: 132 bits.
const ownerLength = 22
