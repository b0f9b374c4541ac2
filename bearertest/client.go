package bearertest

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"maps"
	"slices"
	"time"
)

// Client is a confidential client (RFC 6749, section 2.1) that gets tokens from
// the token endpoint by its own credentials.
type Client struct {
	// ID is the client identifier. Required.
	ID string
	// Secret is the client's password (RFC 6749, section 2.3.1). Required by
	// AddClient, which keeps a hash of it and nothing else.
	Secret string
	// Scopes are those that the client may have. It gets all of them where it
	// does not ask for some. Empty: none.
	Scopes []string
	// Audience is the "aud" of its tokens. Empty: Options.Audience.
	Audience []string
	// Lifetime is how long its tokens live. Zero: Options.Lifetime.
	Lifetime time.Duration
	// Claims are laid over those of its tokens; a nil value removes a claim.
	Claims map[string]any
}

// registration is a client as it is kept.
type registration struct {
	client Client // without its secret
	hash   [sha256.Size]byte
}

// AddClient registers a client, in place of any other one of that ID. It
// panics if the ID or the secret is missing or a scope is none by RFC 6749,
// section 3.3.
func (i *Issuer) AddClient(c Client) {
	if c.ID == "" || c.Secret == "" {
		panic("bearertest: a client needs an ID and a secret")
	}
	for _, scope := range c.Scopes {
		if !isScope(scope) {
			panic("bearertest: not a scope: " + scope)
		}
	}
	hash := sha256.Sum256([]byte(c.Secret))
	c = c.clone()
	c.Secret = ""
	i.mu.Lock()
	defer i.mu.Unlock()
	i.clients[c.ID] = registration{client: c, hash: hash}
}

// RemoveClient forgets the client of this ID. Tokens it has stay valid.
func (i *Issuer) RemoveClient(id string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.clients, id)
}

// authenticate finds a registered client by its credentials. Where there is
// no such client, it compares all the same: how long the answer takes does not
// tell which of the two was wrong.
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

// clone copies what a caller could change behind our back.
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
