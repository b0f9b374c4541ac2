package scalekit

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/bearerkit/bearer/bearertest"
)

// store is the environment's state. Nothing of it is handed out but copies.
type store struct {
	ids idSource

	mu            sync.Mutex // guards what follows
	organizations map[string]bool
	clients       map[string]client
}

func newStore() *store {
	return &store{organizations: make(map[string]bool), clients: make(map[string]client)}
}

// addOrganization returns the ID of a new organization.
func (s *store) addOrganization() string {
	id := s.ids.next("org_")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.organizations[id] = true
	return id
}

// addEnvironmentClient returns the credentials of a new client that belongs to
// no organization, and may call the admin API.
func (s *store) addEnvironmentClient() (id, plain string) {
	now := time.Now().UTC()
	kept, plain := newSecret(s.ids.next("sks_"), now)
	c := client{
		id:       s.ids.next("skc_"),
		settings: settings{scopes: []string{"openid"}, expiry: int64(environmentLifetime / time.Second)},
		secrets:  []secret{kept},
		created:  now,
		updated:  now,
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clients[c.id] = c
	return c.id, plain
}

// createClient registers a client for an organization and returns it with the
// plain text of its secret, or an error with nothing registered.
func (s *store) createClient(organizationID string, wanted settings) (client, string, error) {
	now := time.Now().UTC()
	c := client{
		id:             s.ids.next("m2morg_"),
		organizationID: organizationID,
		settings:       wanted,
		created:        now.Truncate(time.Millisecond),
		updated:        now,
	}
	kept, plain := newSecret(s.ids.next("sks_"), time.Now().UTC())
	c.secrets = []secret{kept}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.organizations[organizationID] {
		return client{}, "", &apiError{code: codeNotFound, message: "organization not found"}
	}
	s.clients[c.id] = c
	return c.clone(), plain, nil
}

// client returns the client of this ID.
func (s *store) client(id string) (client, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.clients[id]
	return c.clone(), ok
}

// authenticate is bearertest.Options.Authenticate. An unknown client costs as
// much as a known one with one secret.
func (s *store) authenticate(_ context.Context, id, plain string) (bearertest.Client, error) {
	c, ok := s.client(id)
	if !ok {
		c.secrets = []secret{{}}
	}
	known := false
	for _, candidate := range c.secrets {
		known = candidate.matches(plain) || known
	}
	if !ok || !known {
		return bearertest.Client{}, &bearertest.TokenError{Code: "invalid_client", Description: "unknown client or wrong secret"}
	}
	return bearertest.Client{
		ID:       c.id,
		Scopes:   c.scopes,
		Audience: c.audience,
		Lifetime: time.Duration(c.expiry) * time.Second,
		Claims:   c.claims(),
	}, nil
}

// shape is bearertest.Options.Shape: what every token of the vendor's has.
func (s *store) shape(g *bearertest.Grant) {
	g.Header["typ"] = "JWT"
	g.Claims["jti"] = s.ids.next("tkn_")
	g.Claims["nbf"] = g.Claims["iat"]
	if len(g.Scopes) > 0 {
		// Beside the string "scope": the vendor's SDKs read the one or the other.
		g.Claims["scopes"] = slices.Clone(g.Scopes)
	}
}
