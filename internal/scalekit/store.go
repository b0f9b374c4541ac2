package scalekit

import (
	"cmp"
	"maps"
	"slices"
	"sync"
)

// store is the environment's state. The methods of store return only copies.
type store struct {
	ids  idSource
	save func(*store) error // writes the state file while the caller holds mu; nil if there is no state file

	mu            sync.Mutex // guards the fields below
	organizations map[string]organization
	clients       map[string]client
	sequence      uint64 // position of the newest item in the order of creation
	unsaved       bool   // a last_used_time has changed since the last save
}

func newStore() *store {
	return &store{organizations: make(map[string]organization), clients: make(map[string]client)}
}

// change is a transaction on the state. The store applies either the whole change or no
// part of the change.
type change struct {
	*store

	undo []func()
}

// update calls the function apply in one transaction. If this function returns an error, or
// if the state cannot be saved, the whole change is undone. Readers never see a part of a
// change.
func (s *store) update(apply func(*change) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &change{store: s}
	err := apply(c)
	if err == nil && s.save != nil {
		err = s.save(s)
	}
	if err != nil {
		for _, undo := range slices.Backward(c.undo) {
			undo()
		}
	}
	return err
}

// nextPosition returns the position of a new item in the order of creation.
func (c *change) nextPosition() uint64 {
	c.sequence++
	return c.sequence
}

func (c *change) putOrganization(o organization) { put(c, c.organizations, o.id, o) }
func (c *change) dropOrganization(id string)     { drop(c, c.organizations, id) }
func (c *change) putClient(kept client)          { put(c, c.clients, kept.id, kept) }
func (c *change) dropClient(id string)           { drop(c, c.clients, id) }

func put[T any](c *change, in map[string]T, id string, value T) {
	recordUndo(c, in, id)
	in[id] = value
}

func drop[T any](c *change, from map[string]T, id string) {
	recordUndo(c, from, id)
	delete(from, id)
}

func recordUndo[T any](c *change, in map[string]T, id string) {
	previous, known := in[id]
	c.undo = append(c.undo, func() {
		delete(in, id)
		if known {
			in[id] = previous
		}
	})
}

// organization returns a copy of the organization with this ID.
func (s *store) organization(id string) (organization, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.organizations[id]
	if !ok {
		return organization{}, errOrganizationNotFound()
	}
	return o.clone(), nil
}

// organizationsBy returns copies of the organizations for which match returns true. The
// newest organization is first.
func (s *store) organizationsBy(match func(organization) bool) []organization {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []organization
	for o := range maps.Values(s.organizations) {
		if match(o) {
			out = append(out, o.clone())
		}
	}
	slices.SortFunc(out, func(a, b organization) int { return cmp.Compare(b.sequence, a.sequence) })
	return out
}

// client returns a copy of the client with this ID.
func (s *store) client(id string) (client, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.clients[id]
	return c.clone(), ok
}

// clientsOf returns copies of an organization's clients, and reports whether the
// organization exists. The newest client is first. If organizationID is empty, clientsOf
// returns the environment's own client.
func (s *store) clientsOf(organizationID string) ([]client, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.organizations[organizationID]
	var out []client
	for c := range maps.Values(s.clients) {
		if c.organizationID == organizationID {
			out = append(out, c.clone())
		}
	}
	slices.SortFunc(out, func(a, b client) int { return cmp.Compare(b.sequence, a.sequence) })
	return out, ok
}

// clientsByOrganization returns copies of all clients. The keys of the map are the IDs of
// the organizations. In each list, the newest client is first. The key of the environment's
// own client is "".
func (s *store) clientsByOrganization() map[string][]client {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[string][]client)
	for c := range maps.Values(s.clients) {
		out[c.organizationID] = append(out[c.organizationID], c.clone())
	}
	for _, clients := range out {
		slices.SortFunc(clients, func(a, b client) int { return cmp.Compare(b.sequence, a.sequence) })
	}
	return out
}

func errOrganizationNotFound() error {
	return &apiError{code: codeNotFound, message: "organization not found"}
}

func errClientNotFound() error { return &apiError{code: codeNotFound, message: "client not found"} }

func errSecretNotFound() error { return &apiError{code: codeNotFound, message: "secret not found"} }
