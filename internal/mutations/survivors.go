package main

// Reasons that several checks share.
const (
	sticky     = "the decoder returns its first error again and again, and the next call meets it"
	peeked     = "the kind of the token was looked at before: it is there"
	remembered = "a remembered token has passed it, and time does not go back"
	textual    = "only the text of the error is another one"
	emptied    = "what could not be read is empty, and that is refused by the next check"
	twice      = "jwkset checks it once more"
	quicker    = "it spares work and decides nothing"
	slower     = "what is not found to be plain is read by the library, to the same verdict"
)

// survivors is the checks that can be switched off without anybody being able to
// tell, each with the reason. A check that is here by mistake fails the program as
// soon as a test notices it.
var survivors = map[string]string{
	"internal/jws ReadHeader: !ok -> false": "a kid that is no string reads as the empty one, which the other half refuses",

	"internal/strictjson unique: bytes.IndexByte(value, '{') < 0 -> false": quicker,
	"internal/strictjson Parse: err != nil -> false":                       peeked,
	"internal/strictjson Parse: err != nil (2) -> false":                   sticky,
	"internal/strictjson Parse: err != nil (3) -> false":                   sticky,
	"internal/strictjson Parse: err != nil (4) -> false":                   peeked,
	"internal/strictjson reason: errors.Is(err, io.EOF) -> false":          "where there was a brace, the decoder says that the end was unexpected",
	"internal/strictjson Array: err != nil -> false":                       peeked,
	"internal/strictjson Array: err != nil (2) -> false":                   "its argument is valid JSON",
	"internal/strictjson String: err == nil -> true":                       "its argument is valid JSON",

	"scopes cutMethod: ok -> true":              "without a slash there is no method, which is refused as well",
	"scopes cutMethod: service != \"\" -> true": "no rule can be declared for a service without a name",

	"jwks Key.load: err != nil -> false":           "the members of the type were read before",
	"jwks members.ec: len(x) != size -> false":     twice,
	"jwks members.ec: len(y) != size -> false":     twice,
	"jwks Set.index: key.id == \"\" -> false":      "nobody looks up the empty kid in that map",
	"jwks elements: err != nil -> false":           peeked,
	"jwks elements: err != nil (2) -> false":       sticky,
	"jwks elements: err != nil (4) -> false":       peeked,
	"jwks array: err != nil -> false":              peeked,
	"jwks syntax: errors.Is(err, io.EOF) -> false": textual,
	"jwks locator.due: l.url == \"\" -> false":     "until it is known, its time is over anyway",
	"jwks locator.read: err != nil -> false":       emptied,
	"jwks locator.read: !ok -> false":              emptied,
	"jwks locator.read: !ok (2) -> false":          emptied,
	"jwks metadataPlaces: err != nil -> false":     "the issuer was parsed when the cache was made",
	"jwks get: err != nil -> false":                "the URL was parsed when it was configured or discovered",

	"internal/strictjson Record.plain: i == len(data)-1 -> false":     slower,
	"internal/strictjson Record.plain: i == len(data)-1 (2) -> false": slower,
	"internal/strictjson plainMember: ok -> false":                    slower,
	"internal/strictjson plainString: data[i] == '\"' -> false":       slower,
	"internal/strictjson plainString: c == '\"' -> false":             slower,
	"internal/strictjson Array: v[0] != '[' -> false":                 "what does not begin with a bracket does not end with one, and its argument is valid JSON",
	"internal/strictjson nextMember: i >= len(s) -> false":            "its argument is valid JSON, in which something follows",

	"scopes Table.Rule: pattern == \"\" -> false": quicker,

	"jwks readBody: resp.ContentLength > maxDocument -> false": quicker,
	"jwks readBody: err != nil -> false":                       "reading it panics, and a fetch that panics has failed",
	"jwks readBody: len(data) > maxDocument -> false":          "whoever reads the document asks once more",
	"jwks loopbackAddress: err != nil -> false":                emptied,
	"jwks isLoopback: err == nil -> true":                      emptied,

	"middleware Guard.stamp: len(g.headers) == 0 -> false":                 quicker,
	"middleware Guard.check: rule.IsPublic() -> false":                     "bearer.Decide lets it pass as well",
	"middleware Guard.advise: !ok -> false":                                "errors of bearer.Decide are of that type",
	"middleware newResource: u.Scheme != \"http\" -> false":                "the URL of the metadata, which has the same scheme, is checked once more",
	"middleware newResource: u.Opaque != \"\" -> false":                    "there is no host then",
	"middleware newResource: u.Fragment != \"\" -> false":                  "there is a # then",
	"middleware newResource: strings.ContainsAny(u.Path, \"{}\") -> false": "there is a RawPath then",
	"middleware isLoopback: ip != nil -> true":                             emptied,
	"middleware Guard.checkMetadata: !isList (2) -> false":                 emptied,
	"middleware Guard.serveMetadata: err != nil -> false":                  "it was encoded when the guard was made",
	"middleware NewReadiness: err != nil -> false":                         "texts, numbers and times have a JSON form",

	"interceptor Guard.Stream: req.Rule.IsPublic() -> false":         "a public method's stream is as good in a wrapper",
	"interceptor Guard.Stream: !g.expire && g.recheck == 0 -> false": quicker,
	"interceptor Guard.decide: req.Rule.IsPublic() -> false":         "there are no claims then, and so nothing to keep",
	"interceptor lease.judge: err == nil -> false":                   "only where a verdict and its time limit come at once",

	"internal/strictjson Record.plain: len(r.members) == many -> false": "there is no room for another one, and it is refused there",

	"scopes keysOf: len(names) <= few -> false":            quicker,
	"scopes keys.at: names[uint32(k[i])] == scope -> true": "two names with one hash under a random seed are not to be found",
	"interceptor lease.do: l.ended() (2) -> false":         "only where a message and the end come at once",

	". entry.holds: err == nil -> true":                               emptied,
	". index.find: !ok -> false":                                      emptied,
	". index.find: !ok (2) -> false":                                  "nothing else is in that map",
	". cache.makeRoom: expired -> false":                              "it only chooses which token is forgotten",
	". cache.forget: int(e.at) >= len(c.ring) -> false":               "under the lock, what is in the index is in the ring",
	". cache.forget: c.ring[e.at] != e -> false":                      "under the lock, what is in the index is in the ring",
	". checkReplicated: len(claim) == 0 -> false":                     "nothing is no JSON, and the next check refuses it",
	". checkReplicated: repeated.Canonicalize() != nil -> false":      "the header is valid JSON",
	". checkReplicated: claim.Canonicalize() != nil -> false":         "the claims are valid JSON",
	". JWTVerifier.checkTimes: err != nil (2) -> false":               remembered,
	". JWTVerifier.checkTimes: err != nil (3) -> false":               remembered,
	". JWTVerifier.checkTimes: err != nil (4) -> false":               remembered,
	". granted: v[0] != '[' -> false":                                 "what is no array has no elements, and grants nothing",
	". granted: !ok -> false":                                         "an empty name is no scope, and nothing is granted",
	". findText: v != \"\" -> true":                                   "nobody asks about a claim that is not there",
	". JSONAt: err != nil -> false":                                   emptied,
	". JSONAt: value == \"\" -> false":                                "nothing is no JSON, and is not decoded",
	". credentials: token == \"\" -> false":                           "it is no b64token, which is asked next",
	". isB64Token: s != \"\" -> true":                                 "nobody asks about an empty text",
	". isFlat: isFlat(t.Elem()) -> false":                             "it is copied the longer way",
	". digester.sum: d.gcm != nil -> false":                           "the other digest answers the same question",
	". headers.find: !ok -> false":                                    emptied,
	". profileError.fits: p.name == e.verifier.profile.name -> false": "the profile that refused the token does not take it",
	". profileError.fitting: p.whyNotIssuer(f.iss) == \"\" -> true":   textual,
	". profile.reads: !client -> false":                               textual,
	". names: len(path.inner) == 0 -> true":                           textual,
	". numericDate: !isNumber(v) -> false":                            "what is no number is not parsed as one either",
	". numericDate: err != nil -> false":                              "what is out of range is beyond all dates",

	". seconds: 0 < len(v) -> true":                  "nobody asks about a claim that is not there",
	". seconds: 0 < len(v) && len(v) <= 11 -> false": "what is not of the plain kind is read below, to the same time",
	". verifyObserved: !v.observing() -> false":      "who does not observe does nothing when told",
	". Error.Is: ok -> true":                         "no error has the empty reason",
	". ClientIs: c.clientID == \"\" -> false":        textual,
	". same: ok -> true":                             "the claims are valid JSON",
	". same: err == nil -> true":                     "what is out of range is beyond 2^53",
	". isNumber: v != \"\" -> true":                  "nobody asks about a claim that is not there",
	". isNumber: '0' <= v[0] -> true":                "what is no number is not parsed as one either",
	". isNumber: v[0] <= '9' -> true":                "what is no number is not parsed as one either",

	`. token.readHeader: !bytes.HasPrefix(bytes.TrimLeft(decoded, " \t\r\n"), []byte("{")) -> false`: "the reader of headers refuses it as well",
	". token.readClaims: err != nil -> false":                                                        emptied,
	". JWTVerifier.observing: v.observer != nil -> true":                                             "who does not observe does nothing when told",
	". isNumber: v[0] == '-' || '0' <= v[0] && v[0] <= '9' -> true":                                  "what is no number is not parsed as one either",
	". Custom: ok (2) -> true":                                                                       "a copy has the type of what it was made of",
}
