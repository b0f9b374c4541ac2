package scalekit

import (
	"fmt"
	"time"
)

// This file contains the operations on organizations. REST and gRPC use the same
// operations.

const (
	minQueryLength = 3
	maxQueryLength = 100
)

// identity identifies an organization in a request. Either id or externalID is set.
type identity struct {
	id, externalID string
}

func (i identity) check(v *violations) {
	switch {
	case i.id == "" && i.externalID == "":
		v.addViolation("identities", "id or external_id is required", "oneof.required")
	case i.externalID == "":
		v.checkID("id", i.id, "")
	}
}

func (i identity) is(o organization) bool {
	if i.id != "" {
		return o.id == i.id
	}
	return o.externalID != nil && *o.externalID == i.externalID
}

// createOrganization creates an organization.
func (env *Environment) createOrganization(wanted profile, v *violations) (organization, error) {
	wanted.checkNew(v)
	if err := v.err(); err != nil {
		return organization{}, err
	}
	if wanted.region == 0 {
		wanted.region = 1 // "US", which is available to every customer of the vendor
	}
	now := time.Now().UTC()
	made := organization{
		id:      env.store.ids.nextID("org_"),
		profile: profile{region: wanted.region}.updatedWith(wanted),
		created: now.Truncate(time.Millisecond),
		updated: now,
	}
	err := env.store.update(func(c *change) error {
		if err := c.checkUnique(made); err != nil {
			return err
		}
		made.sequence = c.nextPosition()
		c.putOrganization(made)
		return nil
	})
	if err != nil {
		return organization{}, err
	}
	return made.clone(), nil
}

// getOrganization returns an organization.
func (env *Environment) getOrganization(ref identity, v *violations) (organization, error) {
	ref.check(v)
	if err := v.err(); err != nil {
		return organization{}, err
	}
	found := env.store.organizationsBy(ref.is)
	if len(found) == 0 {
		return organization{}, errOrganizationNotFound()
	}
	return found[0], nil
}

// listOrganizations returns one page of the list of all organizations. If externalID is not
// nil, the list contains only the organization with this external ID.
func (env *Environment) listOrganizations(externalID *string, page pageRequest, v *violations) (listPage[organization], error) {
	if err := v.err(); err != nil {
		return listPage[organization]{}, err
	}
	all := env.store.organizationsBy(func(o organization) bool {
		return externalID == nil || o.externalID != nil && *o.externalID == *externalID
	})
	return paginate(all, organizationSequence, page)
}

// searchOrganizations returns one page of the organizations whose name, ID or external ID
// contains query.
func (env *Environment) searchOrganizations(query string, page pageRequest, v *violations) (listPage[organization], error) {
	v.checkLength("query", query, minQueryLength, maxQueryLength)
	if page.size > defaultPageSize {
		v.addViolation("page_size", fmt.Sprintf("must be at most %d", defaultPageSize), "uint32.lte")
	}
	if err := v.err(); err != nil {
		return listPage[organization]{}, err
	}
	all := env.store.organizationsBy(func(o organization) bool { return o.containsQuery(query) })
	return paginate(all, organizationSequence, page)
}

func organizationSequence(o organization) uint64 { return o.sequence }

// updateOrganization changes an organization by the rules of profile.updatedWith.
func (env *Environment) updateOrganization(ref identity, update profile, v *violations) (organization, error) {
	ref.check(v)
	update.check(v)
	if err := v.err(); err != nil {
		return organization{}, err
	}
	var changed organization
	err := env.store.update(func(c *change) error {
		found, err := c.find(ref)
		if err != nil {
			return err
		}
		changed = found.clone()
		changed.profile = changed.updatedWith(update)
		changed.updated = time.Now().UTC()
		if err := c.checkUnique(changed); err != nil {
			return err
		}
		c.putOrganization(changed)
		return nil
	})
	return changed.clone(), err
}

// updateFeatures adds or replaces these features of an organization. All other features of
// the organization stay unchanged.
func (env *Environment) updateFeatures(id string, features []feature, v *violations) (organization, error) {
	v.checkID("id", id, "org_")
	checkFeatures(v, "settings.features", features)
	if err := v.err(); err != nil {
		return organization{}, err
	}
	return env.updateOrganization(identity{id: id}, profile{features: features}, v)
}

// deleteOrganization deletes an organization and all its clients.
func (env *Environment) deleteOrganization(ref identity, v *violations) error {
	ref.check(v)
	if err := v.err(); err != nil {
		return err
	}
	var gone []string
	err := env.store.update(func(c *change) error {
		found, err := c.find(ref)
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
		env.attempts.forgetClients(gone...)
	}
	return err
}

func (c *change) find(ref identity) (organization, error) {
	for _, o := range c.organizations {
		if ref.is(o) {
			return o, nil
		}
	}
	return organization{}, errOrganizationNotFound()
}

// checkUnique returns an error if a different organization has the same external ID or the
// same slug.
func (c *change) checkUnique(o organization) error {
	for _, other := range c.organizations {
		switch {
		case other.id == o.id:
		case o.externalID != nil && other.externalID != nil && *other.externalID == *o.externalID:
			return &apiError{code: codeAlreadyExists, message: "an organization with this external_id already exists"}
		case o.slug != nil && other.slug != nil && *other.slug == *o.slug:
			return &apiError{code: codeAlreadyExists, message: "an organization with this slug already exists"}
		}
	}
	return nil
}
