package scalekit

import (
	"slices"
	"time"
)

// This file contains the operations on clients. REST and gRPC use the same operations.
// The parser of a request passes the violations that it found to the operation. The
// operation adds the violations that it finds. It returns all violations in one error.

// createClient registers a client for an organization. It returns the client and the
// plain text of the client's secret.
func (env *Environment) createClient(organizationID string, wanted settings, v *violations) (client, string, error) {
	v.checkID("organization_id", organizationID, "org_")
	wanted.check(v, "client.")
	if err := v.err(); err != nil {
		return client{}, "", err
	}
	if wanted.expiry == 0 {
		wanted.expiry = defaultExpiry
	}
	s := env.store
	now := time.Now().UTC()
	made := client{
		id:             s.ids.nextID("m2morg_"),
		organizationID: organizationID,
		settings:       wanted.normalized(),
		created:        now.Truncate(time.Millisecond),
		updated:        now,
	}
	kept, plain := newSecret(s.ids.nextID("sks_"), time.Now().UTC())
	made.secrets = []secret{kept}
	err := s.update(func(c *change) error {
		if _, ok := c.organizations[organizationID]; !ok {
			return errOrganizationNotFound()
		}
		made.sequence = c.nextPosition()
		c.putClient(made)
		return nil
	})
	if err != nil {
		return client{}, "", err
	}
	return made.clone(), plain, nil
}

// getClient returns an organization's client.
func (env *Environment) getClient(organizationID, clientID string, v *violations) (client, error) {
	checkClient(organizationID, clientID, v)
	if err := v.err(); err != nil {
		return client{}, err
	}
	if _, err := env.store.organization(organizationID); err != nil {
		return client{}, err
	}
	c, ok := env.store.client(clientID)
	if !ok || c.organizationID != organizationID {
		return client{}, errClientNotFound()
	}
	return c, nil
}

// listClients returns one page of an organization's clients.
func (env *Environment) listClients(organizationID string, page pageRequest, v *violations) (listPage[client], error) {
	v.checkID("organization_id", organizationID, "org_")
	if err := v.err(); err != nil {
		return listPage[client]{}, err
	}
	all, ok := env.store.clientsOf(organizationID)
	if !ok {
		return listPage[client]{}, errOrganizationNotFound()
	}
	return paginate(all, func(c client) uint64 { return c.sequence }, page)
}

// updateClient changes the client's settings to the settings in update. An empty setting
// in update leaves the client's setting unchanged.
func (env *Environment) updateClient(organizationID, clientID string, update settings, v *violations) (client, error) {
	checkClient(organizationID, clientID, v)
	update.check(v, "client.")
	if err := v.err(); err != nil {
		return client{}, err
	}
	return env.changeClient(organizationID, clientID, func(c client) (client, error) {
		c.settings = c.updatedWith(update)
		return c, nil
	})
}

// deleteClient deletes a client and its secrets.
func (env *Environment) deleteClient(organizationID, clientID string, v *violations) error {
	checkClient(organizationID, clientID, v)
	if err := v.err(); err != nil {
		return err
	}
	err := env.store.update(func(c *change) error {
		if _, err := c.clientOf(organizationID, clientID); err != nil {
			return err
		}
		c.dropClient(clientID)
		return nil
	})
	if err == nil {
		env.attempts.forgetClients(clientID)
	}
	return err
}

// createSecret adds a secret to an organization's client.
func (env *Environment) createSecret(organizationID, clientID string, v *violations) (secret, string, error) {
	checkClient(organizationID, clientID, v)
	return env.addSecret(organizationID, clientID, v)
}

// addSecret adds a secret to a client. An empty organizationID matches any client.
func (env *Environment) addSecret(organizationID, clientID string, v *violations) (secret, string, error) {
	if err := v.err(); err != nil {
		return secret{}, "", err
	}
	made, plain := newSecret(env.store.ids.nextID("sks_"), time.Now().UTC())
	_, err := env.changeClient(organizationID, clientID, func(c client) (client, error) {
		c.secrets = append(c.secrets, made)
		return c, nil
	})
	return made, plain, err
}

// deleteSecret deletes a secret of an organization's client.
func (env *Environment) deleteSecret(organizationID, clientID, secretID string, v *violations) error {
	checkClient(organizationID, clientID, v)
	return env.dropSecret(organizationID, clientID, secretID, v)
}

// dropSecret deletes a secret of a client. The last secret cannot be deleted. An
// empty organizationID matches any client.
func (env *Environment) dropSecret(organizationID, clientID, secretID string, v *violations) error {
	v.checkID("secret_id", secretID, "")
	if err := v.err(); err != nil {
		return err
	}
	_, err := env.changeClient(organizationID, clientID, func(c client) (client, error) {
		n := c.secretIndex(secretID)
		if n < 0 {
			return c, errSecretNotFound()
		}
		if len(c.secrets) == 1 {
			// The vendor's message says "client", but the error is about a secret.
			return c, &apiError{code: codeFailedPrecondition, message: "last client cannot be deleted"}
		}
		c.secrets = slices.Delete(c.secrets, n, n+1)
		return c, nil
	})
	return err
}

// setSecretStatus activates or deactivates a secret of any client. No client can
// authenticate with an inactive secret.
func (env *Environment) setSecretStatus(clientID, secretID string, active bool, v *violations) (secret, error) {
	v.checkID("client_id", clientID, "")
	v.checkID("secret_id", secretID, "")
	if err := v.err(); err != nil {
		return secret{}, err
	}
	changed, err := env.changeClient("", clientID, func(c client) (client, error) {
		n := c.secretIndex(secretID)
		if n < 0 {
			return c, errSecretNotFound()
		}
		c.secrets[n].active = active
		c.secrets[n].updated = time.Now().UTC()
		return c, nil
	})
	if err != nil {
		return secret{}, err
	}
	return changed.secrets[changed.secretIndex(secretID)], nil
}

// changeClient calls the function modify with a copy of a client, and stores the client that
// this function returns. An empty organizationID matches any client.
func (env *Environment) changeClient(organizationID, clientID string, modify func(client) (client, error)) (client, error) {
	var changed client
	err := env.store.update(func(c *change) error {
		previous, err := c.clientOf(organizationID, clientID)
		if err != nil {
			return err
		}
		if changed, err = modify(previous.clone()); err != nil {
			return err
		}
		changed.updated = time.Now().UTC()
		c.putClient(changed)
		return nil
	})
	return changed.clone(), err
}

// clientOf returns a client of an organization. An empty organizationID matches any
// client.
func (c *change) clientOf(organizationID, clientID string) (client, error) {
	if _, ok := c.organizations[organizationID]; !ok && organizationID != "" {
		return client{}, errOrganizationNotFound()
	}
	found, ok := c.clients[clientID]
	if !ok || organizationID != "" && found.organizationID != organizationID {
		return client{}, errClientNotFound()
	}
	return found, nil
}

func checkClient(organizationID, clientID string, v *violations) {
	v.checkID("organization_id", organizationID, "org_")
	v.checkID("client_id", clientID, "m2morg_")
}
