package scalekit

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// CountClients returns the number of clients. The environment's own client counts,
// too.
func (env *Environment) CountClients() int {
	env.store.mu.Lock()
	defer env.store.mu.Unlock()
	return len(env.store.clients)
}

// Dump returns the stored organizations and clients as a text. The text omits the
// last_used_time of the secrets, because a token request changes this time.
func (env *Environment) Dump() string {
	env.store.mu.Lock()
	defer env.store.mu.Unlock()
	var out string
	for _, id := range slices.Sorted(maps.Keys(env.store.organizations)) {
		out += fmt.Sprintf("%+v\n", env.store.organizations[id].resource())
	}
	for _, id := range slices.Sorted(maps.Keys(env.store.clients)) {
		c := env.store.clients[id].clone()
		for n := range c.secrets {
			c.secrets[n].lastUsed = time.Time{}
		}
		out += fmt.Sprintf("%+v\n", c)
	}
	return out
}

// NextID returns a new identifier with this prefix.
func (env *Environment) NextID(prefix string) string { return env.store.ids.nextID(prefix) }

// FailSaves causes every write of the state file to fail until the test calls repair.
func (env *Environment) FailSaves() (repair func()) {
	set := func(save func(*store) error) {
		env.store.mu.Lock()
		defer env.store.mu.Unlock()
		env.store.save = save
	}
	set(func(*store) error { return errors.New("no space left on device") })
	return func() { set(env.saveState) }
}
