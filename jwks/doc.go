// Package jwks fetches, checks and caches the public keys of one token issuer, and
// returns the keys that may verify a token. It does not read claims.
//
//	keys, err := jwks.Discover("https://acme.scalekit.dev", nil)
//	if err != nil { ... }
//	defer keys.Close()
//
//	candidates, err := keys.Lookup(kid, alg)       // from memory
//	candidates, err = keys.Key(ctx, kid, alg)      // may fetch, within limits
//	token, err := jwt.Parse(raw, keys.Keyfunc())   // for code that uses golang-jwt
//
// A [Cache] holds the key set of one issuer and keeps it fresh. [Discover] finds the
// key set by the issuer's name; [New] takes the URL of the key set. [Parse] returns a
// [Set], a parsed document that never changes. Use a separate Cache or Set for each
// issuer: a key of one issuer must never verify a token of another.
//
// A token names its key by the key id ("kid") and its algorithm ("alg") in its header. A
// lookup, such as [Cache.Lookup], returns the keys that fit both.
//
// # Behavior in an incident
//
// The times in parentheses are the defaults of [Options].
//
//   - Key rotation: a token with a new key id causes a fetch immediately. All requests
//     that need the key share this fetch. Each request waits for 2 s at most.
//   - Flood of invented key ids: the flood causes two fetches without a pause, then one
//     per Options.CoolDown (8 s). During the flood, a new key is found within 8 s.
//   - Start while the issuer is down or hangs: New and Discover do not wait. Requests
//     wait for 2 s at most. While requests come, the issuer is queried once per second,
//     so that the first request after the issuer's return is served.
//   - Outage: the last good set stays in use for Options.MaxStale (12 h). During this
//     time, lookups fail only for key ids that are not in the set. Afterwards, all
//     lookups fail. The error is ErrUnavailable: answer 503, not 401, because the caller
//     is not at fault.
//   - Unusable response: a response that is not a usable key set never replaces the
//     set in use.
//   - Restart during an outage: the cache starts with the keys in Options.Store, if it
//     is set.
//
// examples/drill runs these incidents in real time. docs/incidents.md compares the
// results with those of other libraries.
//
// # How long a withdrawn key verifies tokens
//
// A key that the issuer withdraws stops verifying at the next refresh. While the issuer
// answers, this is within Options.MaxInterval (15 min). While the issuer does not answer,
// the key stops verifying after Options.MaxStale (12 h). Code that caches verdicts must
// call Lookup each time it uses a cached verdict, and compare the key pointers; see [Key].
//
// # Security
//
// When a set is parsed, kty, crv, alg, use, key_ops and size of each key determine which
// algorithms it may verify. Symmetric keys, private keys and RSA keys under 2048 bits are
// never used. Certificates in a key set (x5c, x5u, x5t) are ignored, and their URLs are
// never fetched. Keys are fetched over https; http is allowed only for loopback hosts, and
// with Options.InsecureHTTP. A redirect to another origin is refused. If other parties can
// configure issuers, set Options.RefusePrivateAddresses.
package jwks
