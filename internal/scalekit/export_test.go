package scalekit

import "fmt"

// Clients returns how many clients there are, the environment's own one
// included.
func (env *Environment) Clients() int {
	env.store.mu.Lock()
	defer env.store.mu.Unlock()
	return len(env.store.clients)
}

// Dump returns all that is kept of clients.
func (env *Environment) Dump() string {
	env.store.mu.Lock()
	defer env.store.mu.Unlock()
	return fmt.Sprintf("%+v", env.store.clients)
}

// NextID returns the next identifier with this prefix.
func (env *Environment) NextID(prefix string) string { return env.store.ids.next(prefix) }
