package scalekit

import (
	"strconv"
	"time"
)

// clientResource describes a client. The REST API returns clients in this form. As in the
// vendor's API, the JSON contains empty members, too.
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
	Expiry         string           `json:"expiry"` // Protobuf's JSON mapping encodes an int64 as a string
}

// secretResource describes a secret. The REST API returns secrets in this form.
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
	return secretResource{
		ID:           s.id,
		CreateTime:   timestamp(s.created),
		UpdateTime:   timestamp(s.updated),
		SecretSuffix: s.suffix,
		Status:       secretStatusNames()[s.status()],
		LastUsedTime: timestamp(s.lastUsed),
	}
}

// organizationResource describes an organization. The REST API returns organizations in
// this form. The JSON omits optional members that are not set.
type organizationResource struct {
	ID          string            `json:"id"`
	CreateTime  string            `json:"create_time"`
	UpdateTime  string            `json:"update_time"`
	DisplayName string            `json:"display_name"`
	RegionCode  string            `json:"region_code"`
	ExternalID  *string           `json:"external_id,omitzero"`
	Metadata    map[string]string `json:"metadata"`
	Settings    settingsResource  `json:"settings"`
	Slug        *string           `json:"slug,omitzero"`
	LogoURL     *string           `json:"logo_url,omitzero"`
}

type settingsResource struct {
	Features []feature `json:"features"`
}

func (o organization) resource() organizationResource {
	return organizationResource{
		ID:          o.id,
		CreateTime:  timestamp(o.created),
		UpdateTime:  timestamp(o.updated),
		DisplayName: o.name(),
		RegionCode:  regionNames()[o.region],
		ExternalID:  o.externalID,
		Metadata:    o.metadata,
		Settings:    settingsResource{o.features},
		Slug:        o.slug,
		LogoURL:     o.logoURL,
	}
}

// timestamp formats a time by the rules of Protobuf's JSON mapping. The time is in UTC. The
// fraction of the second has 0, 3, 6 or 9 digits.
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
