// Package jwks keeps the public keys of one token issuer: it fetches them, reads
// them strictly, keeps them fresh, and answers which keys may verify a token. It
// knows keys and nothing of claims.
//
//	keys, err := jwks.Discover("https://acme.scalekit.dev", nil)
//	if err != nil { ... }
//	defer keys.Close()
//
//	candidates, err := keys.Lookup(kid, alg)       // from memory
//	candidates, err = keys.Key(ctx, kid, alg)      // may fetch, within limits
//	token, err := jwt.Parse(raw, keys.Keyfunc())   // for code that uses golang-jwt
//
// A [Cache] finds the key set by the issuer's name ([Discover]) or is told its
// URL ([New]). A [Set] is a document at hand ([Parse]). One cache per issuer,
// always: a key of one issuer must never verify a token of another.
//
// # What it does when the issuer has an incident
//
//   - Rotation: a key that is not in the set is fetched at once, once for all who
//     wait, within 2 seconds or not at all.
//   - A flood of invented key ids causes two fetches, and then one per
//     Options.CoolDown (8 seconds). A new key works within that time even then.
//   - Start while the issuer is down or hangs: nothing waits for it but requests, 2
//     seconds at most. It is asked once per second for them, so that the first one
//     after its return is served.
//   - Outage: the last good set stays in use for Options.MaxStale (12 hours).
//     Then, and for key ids that cannot be looked up meanwhile, errors are
//     ErrUnavailable: a 503, not the caller's fault and not a 401.
//   - An answer that is not a usable key set never replaces one.
//   - A restart during an outage is served from Options.Store.
//
// examples/drill shows all that on a real clock, and docs/incidents.md what becomes
// of it elsewhere.
//
// # How long a withdrawn key lives
//
// A key that the issuer removes stops verifying at the next refresh: within
// Options.MaxInterval (15 minutes) while the issuer answers, within
// Options.MaxStale while it does not. Whoever remembers verdicts asks for the key
// again with Lookup, and compares pointers: see [Key].
//
// # Security notes
//
// Which keys verify is decided when a set is read, per key, from kty, crv, alg,
// use, key_ops and size. Symmetric keys, private keys and keys under 2048 bits
// never do. Certificates in a key set (x5c, x5u, x5t) are not looked at and
// nothing they name is fetched. Only https is fetched, http on loopback hosts
// excepted, and redirects lead to no other origin. Where others may configure
// issuers, set Options.RefusePrivateAddresses.
package jwks
