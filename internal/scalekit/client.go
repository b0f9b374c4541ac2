package scalekit

import (
	"slices"
	"strconv"
	"time"
)

// settings is what the owner of a client decides.
type settings struct {
	name, description string
	scopes, audience  []string
	customClaims      []customClaim
	expiry            int64 // seconds that tokens live
}

// customClaim is one member of "custom_claims". In the API they are an array of
// these, in tokens one object.
type customClaim struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// client is a machine client: of an organization, or, without one, of the
// environment itself.
type client struct {
	settings

	id, organizationID string
	secrets            []secret // oldest first
	created, updated   time.Time
}

func (c client) clone() client {
	c.scopes = slices.Clone(c.scopes)
	c.audience = slices.Clone(c.audience)
	c.customClaims = slices.Clone(c.customClaims)
	c.secrets = slices.Clone(c.secrets)
	return c
}

// claims returns what the client's tokens have beside the usual.
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

// clientResource is a client as the API shows it. Members that are empty are
// shown, as the vendor does.
type clientResource struct {
	ClientID       string           `json:"client_id"`
	Secrets        []secretResource `json:"secrets"`
	Name           string           `json:"name"`
	Description    string           `json:"description"`
	OrganizationID string           `json:"organization_id"`
	CreateTime     string           `json:"create_time"`
	UpdateTime     string           `json:"update_time"`
	Scopes         []string         `json:"scopes"`
	Audience       []string         `json:"audience"`
	CustomClaims   []customClaim    `json:"custom_claims"`
	Expiry         string           `json:"expiry"` // an int64, which has the JSON form of a string in Protobuf
}

// secretResource is a secret as the API shows it.
type secretResource struct {
	ID           string `json:"id"`
	CreateTime   string `json:"create_time"`
	UpdateTime   string `json:"update_time"`
	SecretSuffix string `json:"secret_suffix"`
	Status       string `json:"status"`
	LastUsedTime string `json:"last_used_time"`
}

func (c client) resource() clientResource {
	r := clientResource{
		ClientID:       c.id,
		Name:           c.name,
		Description:    c.description,
		OrganizationID: c.organizationID,
		CreateTime:     timestamp(c.created),
		UpdateTime:     timestamp(c.updated),
		Scopes:         c.scopes,
		Audience:       c.audience,
		CustomClaims:   c.customClaims,
		Expiry:         strconv.FormatInt(c.expiry, 10),
	}
	for _, s := range c.secrets {
		r.Secrets = append(r.Secrets, s.resource())
	}
	return r
}

func (s secret) resource() secretResource {
	status := "INACTIVE"
	if s.active {
		status = "ACTIVE"
	}
	return secretResource{
		ID:           s.id,
		CreateTime:   timestamp(s.created),
		UpdateTime:   timestamp(s.updated),
		SecretSuffix: s.suffix,
		Status:       status,
		LastUsedTime: timestamp(s.lastUsed),
	}
}

// timestamp formats as Protobuf does: UTC, and no fraction or one of 3, 6 or 9
// digits.
func timestamp(t time.Time) string {
	layout := "2006-01-02T15:04:05.000000000Z"
	switch {
	case t.Nanosecond() == 0:
		layout = "2006-01-02T15:04:05Z"
	case t.Nanosecond()%int(time.Millisecond) == 0:
		layout = "2006-01-02T15:04:05.000Z"
	case t.Nanosecond()%int(time.Microsecond) == 0:
		layout = "2006-01-02T15:04:05.000000Z"
	}
	return t.UTC().Format(layout)
}
