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
// the token endpoint by the client credentials grant.
type Client struct {
	// ID is the client identifier. Required.
	ID string
	// Secret is the client's password (RFC 6749, section 2.3.1). AddClient
	// requires it and stores only a hash.
	Secret string
	// Scopes are the scopes the client may request. A request without scopes
	// gets all of them. Empty: none.
	Scopes []string
	// Audience is the "aud" of the client's tokens. Empty: Options.Audience.
	Audience []string
	// Lifetime is the lifetime of the client's tokens. Zero: Options.Lifetime.
	Lifetime time.Duration
	// Claims overrides claims of the client's tokens; a nil value removes a claim.
	Claims map[string]any
}

// registration is a registered client with the hash of its secret.
type registration struct {
	client Client // without the secret
	hash   [sha256.Size]byte
}

// AddClient registers a client and replaces any client with the same ID. It
// panics if the ID or the secret is missing or a scope is not valid by
// RFC 6749, section 3.3.
func (i *Issuer) AddClient(c Client) {
	if c.ID == "" || c.Secret == "" {
		panic("bearertest: AddClient: Client.ID and Client.Secret must not be empty")
	}
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

// RemoveClient removes the client with this ID. Tokens of the client stay valid.
func (i *Issuer) RemoveClient(id string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.clients, id)
}

// authenticate finds a registered client by its credentials. It compares hashes
// even for an unknown ID, so that the response time does not reveal whether the
// ID or the secret was wrong.
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

// clone copies c with its slices and map, so that later changes by the caller
// have no effect.
func (c Client) clone() Client {
	c.Scopes = slices.Clone(c.Scopes)
	c.Audience = slices.Clone(c.Audience)
	c.Claims = maps.Clone(c.Claims)
	return c
}

// isScope reports whether s is a scope-token by RFC 6749, section 3.3.
func isScope(s string) bool {
	for n := range len(s) {
		if c := s[n]; c < 0x21 || c > 0x7e || c == '"' || c == '\\' {
			return false
		}
	}
	return s != ""
}
