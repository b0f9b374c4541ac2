package scalekit

import (
	"fmt"
	"time"
)

// What can be done with organizations, over REST and gRPC alike.

const (
	minQueryLength = 3
	maxQueryLength = 100
)

// identity is how a request names an organization: by the one or the other.
type identity struct {
	id, externalID string
}

func (i identity) check(v *violations) {
	switch {
	case i.id == "" && i.externalID == "":
		v.refuse("identities", "id or external_id is required", "oneof.required")
	case i.externalID == "":
		v.id("id", i.id, "")
	}
}

func (i identity) is(o organization) bool {
	if i.id != "" {
		return o.id == i.id
	}
	return o.externalID != nil && *o.externalID == i.externalID
}

// createOrganization makes an organization.
func (env *Environment) createOrganization(wanted profile, v *violations) (organization, error) {
	wanted.checkNew(v)
	if err := v.err(); err != nil {
		return organization{}, err
	}
	if wanted.region == 0 {
		wanted.region = 1 // "US", the only one that the vendor gives to all
	}
	now := time.Now().UTC()
	made := organization{
		id:      env.store.ids.next("org_"),
		profile: profile{region: wanted.region}.with(wanted),
		created: now.Truncate(time.Millisecond),
		updated: now,
	}
	err := env.store.update(func(c *change) error {
		if err := c.unique(made); err != nil {
			return err
		}
		made.sequence = c.next()
		c.putOrganization(made)
		return nil
	})
	if err != nil {
		return organization{}, err
	}
	return made.clone(), nil
}

// getOrganization returns an organization.
func (env *Environment) getOrganization(who identity, v *violations) (organization, error) {
	who.check(v)
	if err := v.err(); err != nil {
		return organization{}, err
	}
	found := env.store.organizationsBy(who.is)
	if len(found) == 0 {
		return organization{}, errOrganizationNotFound()
	}
	return found[0], nil
}

// listOrganizations returns a part of all organizations, or the one with an
// external ID.
func (env *Environment) listOrganizations(externalID *string, asked pageRequest, v *violations) (listPage[organization], error) {
	if err := v.err(); err != nil {
		return listPage[organization]{}, err
	}
	all := env.store.organizationsBy(func(o organization) bool {
		return externalID == nil || o.externalID != nil && *o.externalID == *externalID
	})
	return paginate(all, organizationSequence, asked)
}

// searchOrganizations returns a part of the organizations that have a text in
// their name or an ID.
func (env *Environment) searchOrganizations(query string, asked pageRequest, v *violations) (listPage[organization], error) {
	v.length("query", query, minQueryLength, maxQueryLength)
	if asked.size > defaultPageSize {
		v.refuse("page_size", fmt.Sprintf("must be at most %d", defaultPageSize), "uint32.lte")
	}
	if err := v.err(); err != nil {
		return listPage[organization]{}, err
	}
	all := env.store.organizationsBy(func(o organization) bool { return o.matches(query) })
	return paginate(all, organizationSequence, asked)
}

func organizationSequence(o organization) uint64 { return o.sequence }

// updateOrganization changes what is set in by.
func (env *Environment) updateOrganization(who identity, by profile, v *violations) (organization, error) {
	who.check(v)
	by.check(v)
	if err := v.err(); err != nil {
		return organization{}, err
	}
	var changed organization
	err := env.store.update(func(c *change) error {
		found, err := c.find(who)
		if err != nil {
			return err
		}
		changed = found.clone()
		changed.profile = changed.with(by)
		changed.updated = time.Now().UTC()
		if err := c.unique(changed); err != nil {
			return err
		}
		c.putOrganization(changed)
		return nil
	})
	return changed.clone(), err
}

// updateFeatures changes the switches of an organization's settings that are in
// features.
func (env *Environment) updateFeatures(id string, features []feature, v *violations) (organization, error) {
	v.id("id", id, "org_")
	checkFeatures(v, "settings.features", features)
	if err := v.err(); err != nil {
		return organization{}, err
	}
	return env.updateOrganization(identity{id: id}, profile{features: features}, v)
}

// deleteOrganization forgets an organization and all its clients.
func (env *Environment) deleteOrganization(who identity, v *violations) error {
	who.check(v)
	if err := v.err(); err != nil {
		return err
	}
	var gone []string
	err := env.store.update(func(c *change) error {
		found, err := c.find(who)
		if err != nil {
			return err
		}
		c.dropOrganization(found.id)
		for id, client := range c.clients {
			if client.organizationID == found.id {
				gone = append(gone, id)
			}
		}
		for _, id := range gone {
			c.dropClient(id)
		}
		return nil
	})
	if err == nil {
		env.attempts.forget(gone...)
	}
	return err
}

func (c *change) find(who identity) (organization, error) {
	for _, o := range c.organizations {
		if who.is(o) {
			return o, nil
		}
	}
	return organization{}, errOrganizationNotFound()
}

// unique makes sure that no other organization has what must be unique in an
// environment.
func (c *change) unique(o organization) error {
	for _, other := range c.organizations {
		switch {
		case other.id == o.id:
		case o.externalID != nil && other.externalID != nil && *other.externalID == *o.externalID:
			return &apiError{code: codeAlreadyExists, message: "an organization with this external_id exists"}
		case o.slug != nil && other.slug != nil && *other.slug == *o.slug:
			return &apiError{code: codeAlreadyExists, message: "an organization with this slug exists"}
		}
	}
	return nil
}
