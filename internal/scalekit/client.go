package scalekit

import (
	"slices"
	"time"
)

// client is a machine client of an organization, or the environment's own client. The
// environment's own client has no organizationID.
type client struct {
	settings

	id, organizationID string
	sequence           uint64   // position in the order of creation
	secrets            []secret // the oldest secret is first
	created, updated   time.Time
}

func (c client) clone() client {
	c.settings = c.settings.clone()
	c.secrets = slices.Clone(c.secrets)
	return c
}

// secretIndex returns the index of the secret with this ID, or -1 if the client has no
// such secret.
func (c client) secretIndex(id string) int {
	return slices.IndexFunc(c.secrets, func(s secret) bool { return s.id == id })
}

// claims returns the claims oid and custom_claims, which are specific to the vendor.
func (c client) claims() map[string]any {
	claims := make(map[string]any)
	if c.organizationID != "" {
		claims["oid"] = c.organizationID
	}
	if len(c.customClaims) > 0 {
		custom := make(map[string]string)
		for _, claim := range c.customClaims {
			custom[claim.Key] = claim.Value
		}
		claims["custom_claims"] = custom
	}
	return claims
}
