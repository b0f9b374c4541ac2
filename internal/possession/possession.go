// Package possession lets the guards of this module read the nonce that a binding of package bearer
// has set for the response to an allowed request (RFC 9449, section 8.2).
package possession

import "context"

// Key is the key of the nonce in the context that bearer.Decide returns.
type Key struct{}

// Nonce returns the nonce for the response, or "" if there is none.
func Nonce(ctx context.Context) string {
	nonce, _ := ctx.Value(Key{}).(string)
	return nonce
}
