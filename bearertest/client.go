package bearertest

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Client is a confidential client (RFC 6749, section 2.1). It gets tokens from
// the token endpoint with the client credentials grant. Its printed form and
// its JSON form do not contain Secret and Claims. There are two limits. First,
// package fmt calls no methods for an unexported field, so do not print a
// struct that has a Client in such a field. Second, package fmt calls no
// methods for %p and %w, which are not valid for a Client, so do not print a
// Client with these verbs; go vet reports them in constant formats.
type Client struct {
	// ID is the client identifier. Required.
	ID string
	// Secret is the client's password (RFC 6749, section 2.3.1). AddClient
	// requires Secret, and stores only a hash.
	Secret string
	// Scopes lists the scopes that the client may request. For a request without
	// scopes, the issuer grants all scopes of the list. Empty means no scopes.
	Scopes []string
	// Audience is the "aud" of the client's tokens. Empty means Options.Audience.
	Audience []string
	// Lifetime is the lifetime of the client's tokens. A positive Lifetime of less
	// than 1 ms is invalid, because it is usually a number without a unit. Zero
	// means Options.Lifetime.
	Lifetime time.Duration
	// Claims overrides claims of the client's tokens; a nil value removes a claim.
	Claims map[string]any
	// If RequireBound is true, the issuer refuses token requests of this client
	// without a DPoP proof. It is the client metadata dpop_bound_access_tokens (RFC
	// 9449, section 5.2).
	RequireBound bool
}

// registration is a registered client with the hash of its secret.
type registration struct {
	client Client // Secret is empty
	hash   [sha256.Size]byte
}

// AddClient registers a client. If a client with the same ID is registered,
// AddClient replaces it. AddClient panics if the ID or the secret is empty, if
// the lifetime is invalid, or if a scope is not valid (RFC 6749, section 3.3).
func (i *Issuer) AddClient(c Client) {
	if c.ID == "" || c.Secret == "" {
		panic("bearertest: AddClient: Client.ID and Client.Secret must not be empty")
	}
	mustHaveUnit("AddClient: Client.Lifetime", c.Lifetime, leastLifetime, defaultLifetime)
	for _, scope := range c.Scopes {
		if !isScope(scope) {
			panic(fmt.Sprintf("bearertest: AddClient: %q is not a scope of RFC 6749, section 3.3", scope))
		}
	}
	hash := sha256.Sum256([]byte(c.Secret))
	c = c.clone()
	c.Secret = ""
	i.mu.Lock()
	defer i.mu.Unlock()
	i.clients[c.ID] = registration{client: c, hash: hash}
}

// RemoveClient removes the client with this ID. Tokens that the client already
// has stay valid.
func (i *Issuer) RemoveClient(id string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.clients, id)
}

// The method authenticate returns the client with these credentials. It
// compares hashes even if the ID is unknown, so that the response time does not
// reveal whether the ID or the secret was wrong.
func (i *Issuer) authenticate(ctx context.Context, id, secret string) (Client, error) {
	if i.opts.Authenticate != nil {
		return i.opts.Authenticate(ctx, id, secret)
	}
	i.mu.Lock()
	known, ok := i.clients[id]
	i.mu.Unlock()
	hash := sha256.Sum256([]byte(secret))
	if same := subtle.ConstantTimeCompare(hash[:], known.hash[:]) == 1; !ok || !same {
		return Client{}, &TokenError{Code: "invalid_client", Description: "unknown client or wrong secret"}
	}
	return known.client.clone(), nil
}

// The method clone returns a copy of c with copies of the slices and the map,
// so that later changes by the caller have no effect.
func (c Client) clone() Client {
	c.Scopes = slices.Clone(c.Scopes)
	c.Audience = slices.Clone(c.Audience)
	c.Claims = maps.Clone(c.Claims)
	return c
}

// isScope reports whether s is a scope-token of RFC 6749, section 3.3.
func isScope(s string) bool {
	for n := range len(s) {
		if c := s[n]; c < 0x21 || c > 0x7e || c == '"' || c == '\\' {
			return false
		}
	}
	return s != ""
}
