package scalekit

import (
	"cmp"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/bearerkit/bearer/bearertest"
)

const (
	stateFormat  = "scalekit environment"
	stateVersion = 1
)

// savedState is the content of the state file.
type savedState struct {
	Format        string              `json:"format"`
	Version       int                 `json:"version"`
	LastID        int64               `json:"last_id"`
	Sequence      uint64              `json:"sequence"`
	Organizations []savedOrganization `json:"organizations"`
	Clients       []savedClient       `json:"clients"`
	Keys          []savedKey          `json:"keys"`
}

type savedOrganization struct {
	ID          string            `json:"id"`
	Sequence    uint64            `json:"sequence"`
	Created     time.Time         `json:"created"`
	Updated     time.Time         `json:"updated"`
	DisplayName string            `json:"display_name"`
	ExternalID  *string           `json:"external_id,omitzero"`
	Slug        *string           `json:"slug,omitzero"`
	LogoURL     *string           `json:"logo_url,omitzero"`
	Region      int               `json:"region"`
	Metadata    map[string]string `json:"metadata"`
	Features    []feature         `json:"features"`
}

type savedClient struct {
	ID             string        `json:"id"`
	OrganizationID string        `json:"organization_id"`
	Sequence       uint64        `json:"sequence"`
	Created        time.Time     `json:"created"`
	Updated        time.Time     `json:"updated"`
	Name           string        `json:"name"`
	Description    string        `json:"description"`
	Scopes         []string      `json:"scopes"`
	Audience       []string      `json:"audience"`
	CustomClaims   []customClaim `json:"custom_claims"`
	Expiry         int64         `json:"expiry"`
	Secrets        []savedSecret `json:"secrets"`
}

type savedSecret struct {
	ID       string    `json:"id"`
	SHA256   []byte    `json:"sha256"`
	Suffix   string    `json:"suffix"`
	Active   bool      `json:"active"`
	Created  time.Time `json:"created"`
	Updated  time.Time `json:"updated"`
	LastUsed time.Time `json:"last_used"`
}

// savedKey is a private key in PKCS #8. Because of this key, the state file must stay
// secret.
type savedKey struct {
	ID      string    `json:"id"`
	Created time.Time `json:"created"`
	PKCS8   []byte    `json:"pkcs8"`
	Signing bool      `json:"signing"`
}

// encode returns the content of the state file. The caller must hold s.mu.
func (s *store) encode(keys []savedKey) ([]byte, error) {
	state := savedState{
		Format: stateFormat, Version: stateVersion,
		LastID: s.ids.latestNumber(), Sequence: s.sequence, Keys: keys,
	}
	for o := range maps.Values(s.organizations) {
		state.Organizations = append(state.Organizations, savedOrganization{
			ID: o.id, Sequence: o.sequence, Created: o.created, Updated: o.updated,
			DisplayName: o.name(), ExternalID: o.externalID, Slug: o.slug, LogoURL: o.logoURL,
			Region: o.region, Metadata: o.metadata, Features: o.features,
		})
	}
	for c := range maps.Values(s.clients) {
		saved := savedClient{
			ID: c.id, OrganizationID: c.organizationID, Sequence: c.sequence, Created: c.created, Updated: c.updated,
			Name: c.name, Description: c.description, Scopes: c.scopes, Audience: c.audience,
			CustomClaims: c.customClaims, Expiry: c.expiry,
		}
		for _, one := range c.secrets {
			saved.Secrets = append(saved.Secrets, savedSecret{
				ID: one.id, SHA256: one.hash[:], Suffix: one.suffix, Active: one.active,
				Created: one.created, Updated: one.updated, LastUsed: one.lastUsed,
			})
		}
		state.Clients = append(state.Clients, saved)
	}
	slices.SortFunc(state.Organizations, func(a, b savedOrganization) int { return cmp.Compare(a.Sequence, b.Sequence) })
	slices.SortFunc(state.Clients, func(a, b savedClient) int { return cmp.Compare(a.Sequence, b.Sequence) })
	encoded, err := json.Marshal(state, json.Deterministic(true))
	return append(encoded, '\n'), err
}

// decodeState parses the output of encode. If a part of the state is invalid, decodeState
// returns an error and no state.
func decodeState(data []byte) (*store, []savedKey, error) {
	var state savedState
	if err := json.Unmarshal(data, &state, json.RejectUnknownMembers(true)); err != nil {
		return nil, nil, describeDecodeError(err)
	}
	if state.Format != stateFormat || state.Version != stateVersion {
		return nil, nil, fmt.Errorf("not a state file of this version: got format %q and version %d, want format %q and version %d", state.Format, state.Version, stateFormat, stateVersion)
	}
	s := newStore()
	s.ids.last = state.LastID
	s.sequence = state.Sequence
	for _, o := range state.Organizations {
		name := o.DisplayName
		s.organizations[o.ID] = organization{
			id: o.ID, sequence: o.Sequence, created: o.Created, updated: o.Updated,
			profile: profile{
				displayName: &name, externalID: o.ExternalID, slug: o.Slug, logoURL: o.LogoURL,
				region: o.Region, metadata: o.Metadata, features: o.Features,
			},
		}
		if o.Region < 0 || o.Region >= len(regionNames()) {
			return nil, nil, fmt.Errorf("organization %s has the unknown region %d", o.ID, o.Region)
		}
	}
	for _, saved := range state.Clients {
		c, err := saved.client()
		if _, ok := s.organizations[c.organizationID]; err == nil && !ok && c.organizationID != "" {
			err = fmt.Errorf("client %s belongs to the organization %s, which does not exist", c.id, c.organizationID)
		}
		if err != nil {
			return nil, nil, err
		}
		s.clients[c.id] = c
	}
	if len(s.organizations) != len(state.Organizations) || len(s.clients) != len(state.Clients) {
		return nil, nil, errors.New("the file contains an organization or a client twice")
	}
	return s, state.Keys, nil
}

// describeDecodeError returns an error with the position of the damage. The error does not
// contain the decoder's message, because this message may quote a private key.
func describeDecodeError(err error) error {
	var (
		syntactic *jsontext.SyntacticError
		semantic  *json.SemanticError
	)
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF):
		return errors.New("the file is truncated")
	case errors.As(err, &syntactic):
		return fmt.Errorf("the file is damaged near byte %d", syntactic.ByteOffset)
	case errors.As(err, &semantic):
		return fmt.Errorf("the file is damaged near byte %d", semantic.ByteOffset)
	}
	return errors.New("the file is damaged")
}

func (saved savedClient) client() (client, error) {
	c := client{
		id: saved.ID, organizationID: saved.OrganizationID, sequence: saved.Sequence, created: saved.Created, updated: saved.Updated,
		settings: settings{
			name: saved.Name, description: saved.Description, scopes: saved.Scopes, audience: saved.Audience,
			customClaims: saved.CustomClaims, expiry: saved.Expiry,
		},
	}
	for _, one := range saved.Secrets {
		if len(one.SHA256) != sha256.Size {
			return c, fmt.Errorf("secret %s of client %s has a hash of %d bytes, want %d bytes", one.ID, saved.ID, len(one.SHA256), sha256.Size)
		}
		c.secrets = append(c.secrets, secret{
			id: one.ID, hash: [sha256.Size]byte(one.SHA256), suffix: one.Suffix, active: one.Active,
			created: one.Created, updated: one.Updated, lastUsed: one.LastUsed,
		})
	}
	return c, nil
}

func saveKey(k *bearertest.Key, created time.Time, signing bool) (savedKey, error) {
	encoded, err := x509.MarshalPKCS8PrivateKey(k.Signer())
	return savedKey{ID: k.ID(), Created: created, PKCS8: encoded, Signing: signing}, err
}
