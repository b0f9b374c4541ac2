// Package dpop checks and makes proofs of possession (DPoP, RFC 9449). A token that is bound to a key
// of the client is of no use to a thief, because each request must contain a
// proof that is signed with the key.
//
// An API passes the result of [New] to bearer.Config.Bindings:
//
//	binding, err := dpop.New(dpop.Options{Origins: []string{"https://api.example"}})
//	v, err := bearer.New(bearer.Config{..., Bindings: []bearer.Binding{binding}})
//
// The guards of packages middleware and interceptor pass the facts of each request to the binding.
// They need no further option.
//
// A proof covers the method and the target URI of a request, and the token. It does not cover the
// query, the other header fields and the body (RFC 9449, section 11.7).
package dpop
