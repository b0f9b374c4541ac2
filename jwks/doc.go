// Package jwks fetches, checks and caches the public keys of one token issuer, and
// returns the keys that may verify a token. Package bearer verifies the tokens.
//
//	keys, err := jwks.Discover("https://acme.scalekit.dev", nil)
//	if err != nil { ... }
//	defer keys.Close()
//
//	candidates, err := keys.Lookup(kid, alg)       // from memory
//	candidates, err = keys.Key(ctx, kid, alg)      // may fetch, within limits
//	token, err := jwt.Parse(raw, keys.Keyfunc())   // for code that uses golang-jwt
//
// A [Cache] holds the key set of one issuer and refreshes it. [Discover] finds the URL of
// the key set in the issuer's metadata; [New] takes the URL of the key set. [Parse] returns
// a [Set], which holds the keys of one document and never changes. Use a separate Cache or
// Set for each issuer, because a key of one issuer must never verify a token of a different
// issuer.
//
// The header of a token contains the id of the key that signed the token ("kid") and the
// algorithm of the signature ("alg"). A lookup, such as [Cache.Lookup], returns the keys
// that fit both values.
//
// # Behavior in an incident
//
// The times in parentheses are the defaults of [Options].
//
//   - Key rotation: a token with a new key id causes a fetch immediately. All requests
//     that need the new key share this fetch. Each request waits at most 2 s. If the connection
//     hangs, the fetch has a second request on a new connection after about 1 s, at most once per
//     Options.CoolDown (8 s). If the issuer has moved its key set, the fetch finds the new URL in
//     the metadata, unless the metadata is younger than 1 min.
//   - Flood of tokens with invented key ids: the flood causes two fetches without a pause,
//     then one fetch per Options.CoolDown. So a new key is found within about 8 s. Until then,
//     tokens that are signed with the new key are refused with an [*UnavailableError], whose field
//     NotAsked is true.
//   - Start while the issuer is down or hangs: New and Discover do not wait. Requests wait at
//     most 2 s. While requests arrive, the cache queries the issuer once per second. So the
//     first request after the outage gets the key that it needs. Without requests, the cache
//     queries the issuer every 5 s, so that the process is ready soon after the outage. What the
//     issuer requests with Retry-After has precedence, up to about a minute.
//   - Outage: the last good key set stays in use for Options.MaxStale (12 h). During this time,
//     lookups fail only for keys that are not in the key set. Afterwards, all lookups fail. The
//     error of these lookups matches ErrUnavailable. Answer with status 503 and not 401,
//     because the token may be valid.
//   - Unusable response: a response that is not a key set never replaces the key set in use. If
//     the issuer publishes a key set without a usable key, the keys are dropped; see below.
//   - Restart during an outage: if Options.Store is set, the cache starts with the stored
//     keys.
//
// The program examples/drill runs these incidents in real time. The page docs/incidents.md
// compares the results with the results of other libraries.
//
// # How long a withdrawn key verifies tokens
//
// A withdrawn key is a key that the issuer no longer publishes. A withdrawn key stops
// verifying tokens at the next refresh. While the issuer answers, the next refresh begins
// within Options.MaxInterval (15 min). If no usable key is left, the keys are dropped after
// MaxInterval to twice MaxInterval. If an HTTP cache answers in place of the issuer, the Cache
// bypasses it at least once per hour. If the issuer does not answer, the key stops
// verifying tokens after Options.MaxStale (12 h). [Cache.Refresh] refreshes the keys now. Code that caches verdicts on tokens must
// call Lookup each time it uses a cached verdict, and compare the key pointers; see [Key].
//
// # Cost
//
// A document costs no more than its size permits, and its size is limited; see [Parse]. A
// [Limits] value limits the requests in flight and the bytes per second of all caches that share
// it. Share Limits if parties that you do not trust can configure issuers, or if there are many
// issuers. The field LimitWait of [Status] shows how long a cache has waited for its Limits.
//
// If several keys have the kid of a token and fit its algorithm, a verifier checks the signature
// with each of them. Options.MaxKeysPerID (8) and Options.MaxRSACost (32) limit the cost of one
// token. This table shows the largest cost of a token with the default options. The unit is the
// unit of MaxRSACost: a check with an RSA key of 2048 bits, which takes about 0.05 ms.
//
//	keys of one kid   largest cost
//	8 keys Ed25519     10
//	8 keys P-256       20
//	RSA keys           32, but up to 80 without fast code for the size of the key
//	8 keys P-384      130
//	8 keys P-521      320
//
// So the most expensive token takes about 15 ms of one processor, for an issuer with eight keys
// P-521 and one kid. If parties that you do not trust can configure issuers, set MaxKeysPerID to
// 2: such a token then takes at most a quarter. If a fetch brings new keys with the kid, the
// verifier checks these keys too.
//
// # Security
//
// The algorithms that a key may verify depend on the members kty, crv, alg, use and key_ops,
// and on the size of the key. Symmetric keys, private keys and RSA keys with fewer than
// 2048 bits are never used. Certificates in a key set (x5c, x5u, x5t) are ignored, and their
// URLs are never fetched. The cache fetches keys over https. The cache uses http only for
// loopback hosts, or if Options.InsecureHTTP is set. The cache refuses a redirect to a
// different origin. If parties that you do not trust can configure issuers, set
// Options.RefusePrivateAddresses.
package jwks
