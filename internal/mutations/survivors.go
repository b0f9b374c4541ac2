package main

// Reasons that several checks share.
const (
	sticky     = "the decoder returns its first error again and again, and the next call meets it"
	peeked     = "the kind of the token was looked at before: it is there"
	remembered = "a remembered token has passed it: only a clock that is set back could tell"
	emptied    = "what could not be read is empty, and that is refused by the next check"
	quicker    = "it spares work and decides nothing"
	slower     = "what is not found to be plain is read by the library, to the same verdict"
	pure       = "rules of this kind have no function in them, and are judged before"
	noSet      = "where there is no set, its time is over"
)

// survivors is the checks that can be switched off without anybody being able to
// tell, each with the reason. A check that is here by mistake fails the program as
// soon as a test notices it.
var survivors = map[string]string{
	"internal/jws ReadHeader: !ok -> false": "a kid that is no string reads as the empty one, which the other half refuses",

	"internal/guard Code: bearer.NoToken -> another name": "both transports answer for a missing token before they ask",

	"internal/strictjson unique: bytes.IndexByte(value, '{') < 0 -> false": quicker,
	"internal/strictjson Parse: err != nil -> false":                       peeked,
	"internal/strictjson Parse: err != nil (2) -> false":                   sticky,
	"internal/strictjson Parse: err != nil (3) -> false":                   sticky,
	"internal/strictjson Parse: err != nil (4) -> false":                   peeked,
	`internal/strictjson why: errors.New("not valid JSON") -> nil`:         "Parse refuses whatever the library has found not valid: this line is for the day when they disagree",
	"internal/strictjson Array: err != nil -> false":                       peeked,
	"internal/strictjson Array: err != nil (2) -> false":                   "its argument is valid JSON",
	"internal/strictjson Array: v[0] != '[' -> false":                      "no other value is followed by a bracket, and what is read instead of one is an error",
	"internal/strictjson String: err == nil -> true":                       "its argument is valid JSON",
	"internal/strictjson nextMember: i >= len(s) -> false":                 "its argument is valid JSON, in which something follows",
	"internal/strictjson Record.plain: i == len(data)-1 -> false":          slower,
	"internal/strictjson Record.plain: i == len(data)-1 (2) -> false":      slower,
	"internal/strictjson Record.plain: len(r.members) == many -> false":    "there is no room for another one, and it is refused there",
	"internal/strictjson plainMember: ok -> false":                         slower,
	`internal/strictjson plainString: data[i] == '"' -> false`:             slower,
	`internal/strictjson plainString: c == '"' -> false`:                   slower,

	"scopes cutMethod: ok -> true":              "without a slash there is no method, which is refused as well",
	`scopes Table.Rule: pattern == "" -> false`: quicker,
	"scopes neverMatches: ok -> true":           "without a slash the path is taken for /, which is clean",
	"scopes keysOf: len(names) <= few -> false": quicker,
	"scopes node.judge: all -> another name":    pure,
	"scopes node.judge: anyOf -> another name":  pure,
	"scopes node.judge: public -> another name": pure,
	"scopes node.met: function -> another name": "a function is judged by a call, and never comes here",

	"jwks Cache.LookupAt: state.set == nil -> false":                                          noSet,
	"jwks Cache.usable: state.set != nil -> true":                                             noSet,
	"jwks Cache.Ready: f == nil -> false":                                                     "only where keys come between two looks",
	"jwks Cache.join: c.queued != nil -> false":                                               "only where a second caller comes before the refresher has woken; it joins the same fetch, at the cost of one more of the cool-down",
	"jwks Cache.wait: left <= 0 -> false":                                                     "a timer of no time ends the wait as well",
	"jwks Cache.KeyfuncCtx: err != nil (3) -> false":                                          "keyfunc refuses options without a storage, and has one",
	"jwks Cache.worthFetching: err == nil -> true":                                            emptied,
	"jwks kidOf: !ok -> false":                                                                "a kid that is no string reads as the empty one, which the other half refuses",
	`jwks storage.KeyRead: fmt.Errorf("%w: %w", jwkset.ErrKeyNotFound, ErrUnknownKey) -> nil`: "keyfunc asks for the kid of the one key that there is",
	"jwks storage.KeyRead: key.id == kid -> true":                                             "keyfunc asks for the kid of the one key that there is",
	"jwks Cache.save: err != nil -> false":                                                    "numbers, texts and times have a JSON form",
	"jwks seal: err != nil -> false":                                                          "numbers, texts and times have a JSON form",
	"jwks open: err != nil -> false":                                                          emptied,
	"jwks FileStore.Load: err != nil (2) -> false":                                            "a file that is open can be looked at",
	"jwks FileStore.Load: err != nil (4) -> false":                                            "only where the folder of the open file goes away at that moment",
	"jwks FileStore.Save: err == nil -> false":                                                "only a crash of the system tells whether the content was on the disk",
	`jwks Set.index: key.id == "" -> false`:                                                   "nobody looks up the empty kid in that map",
	"jwks elements: err != nil -> false":                                                      peeked,
	"jwks elements: err != nil (2) -> false":                                                  sticky,
	"jwks elements: err != nil (4) -> false":                                                  peeked,
	"jwks array: err != nil -> false":                                                         peeked,
	`jwks locator.due: l.url == "" -> false`:                                                  "until it is known, its time is over anyway",
	"jwks metadataPlaces: err != nil -> false":                                                "the issuer was parsed when the cache was made",
	"jwks get: err != nil -> false":                                                           "the URL was parsed when it was configured or discovered",
	"jwks readBody: resp.ContentLength > maxDocument -> false":                                quicker,
	"jwks isLoopback: err == nil -> true":                                                     emptied,

	"middleware Guard.stamp: len(g.headers) == 0 -> false": quicker,
	"middleware Guard.check: rule.IsPublic() -> false":     "bearer.Decide lets it pass as well",
	"middleware Guard.advise: !ok -> false":                "errors of bearer.Decide are of that type",
	`middleware newResource: u.Opaque != "" -> false`:      "there is no host then",
	`middleware newResource: u.Fragment != "" -> false`:    "there is a # then",
	"middleware isLoopback: ip != nil -> true":             emptied,
	"middleware Guard.checkMetadata: !isList (2) -> false": emptied,
	"middleware original: err != nil -> false":             "without a URL the path is not clean, and nobody is let in",
	"middleware Guard.serveMetadata: err != nil -> false":  "it was encoded when the guard was made",
	"middleware NewReadiness: err != nil -> false":         "texts, numbers and times have a JSON form",

	"interceptor Guard.Stream: !g.expire && g.recheck == 0 -> false": quicker,
	"interceptor Guard.decide: req.Rule.IsPublic() -> false":         "there are no claims then, and so nothing to keep",
	"interceptor lease.judge: err == nil -> false":                   "only where a verdict and its time limit come at once",
	"interceptor lease.do: l.ended() (2) -> false":                   "only where a message and the end come at once",

	". entry.holds: err == nil -> true":                          emptied,
	". index.find: !ok -> false":                                 emptied,
	". index.find: !ok (2) -> false":                             "nothing else is in that map",
	". cache.forget: int(e.at) >= len(c.ring) -> false":          "under the lock, what is in the index is in the ring",
	". cache.forget: c.ring[e.at] != e -> false":                 "under the lock, what is in the index is in the ring",
	". checkReplicated: len(claim) == 0 -> false":                "nothing is no JSON, and the next check refuses it",
	". checkReplicated: repeated.Canonicalize() != nil -> false": "the header is valid JSON",
	". checkReplicated: claim.Canonicalize() != nil -> false":    "the claims are valid JSON",
	". JWTVerifier.checkTimes: err != nil (2) -> false":          remembered,
	". JWTVerifier.checkTimes: err != nil (3) -> false":          remembered,
	". JWTVerifier.checkTimes: err != nil (4) -> false":          remembered,
	". granted: v[0] != '[' -> false":                            "what is no array has no elements, and grants nothing",
	". granted: !ok -> false":                                    "an empty name is no scope, and nothing is granted",
	`. findText: v != "" -> true`:                                "nobody asks about a claim that is not there",
	". JSONAt: err != nil -> false":                              "a decoder gets claims that were read before",
	". Custom: ok (2) -> true":                                   "a copy has the type of what it was made of",
	`. credentials: token == "" -> false`:                        "it is no b64token, which is asked next",
	`. isB64Token: s != "" -> true`:                              "nobody asks about an empty text",
	". isFlat: isFlat(t.Elem()) -> false":                        "it is copied the longer way",
	". digester.sum: d.gcm != nil -> false":                      "the other digest answers the same question",
	". headers.find: !ok -> false":                               emptied,
	". names: len(path.inner) == 0 -> true":                      "no profile of ours reads a member of these claims",
	`. mediaType: "JWT" -> another name`:                         quicker,
	`. mediaType: "at+jwt" -> another name`:                      quicker,
	". numericDate: err != nil -> false":                         "what is out of range is beyond all dates",
	". seconds: 0 < len(v) -> true":                              "nobody asks about a claim that is not there",
	". seconds: 0 < len(v) && len(v) <= 11 -> false":             "what is not of the plain kind is read below, to the same time",
	`. isNumber: v != "" -> true`:                                "nobody asks about a claim that is not there",
	". same: ok -> true":                                         "the claims are valid JSON",
	". same: err == nil -> true":                                 "what is out of range is beyond 2^53",
	". token.readHeader: err != nil -> false":                    emptied,
	". token.load: err != nil -> false":                          "only Explain takes this way, after the length was judged; split says the same of the rest",
	". JWTVerifier.lookup: ok -> false":                          quicker,
	". JWTVerifier.observing: v.observer != nil -> true":         "who does not observe does nothing when told",
	". verifyObserved: !v.observing() -> false":                  "who does not observe does nothing when told",
	". Event.said: ok -> true":                                   "where there is none it is nil, which the other half sees",
	". JWTVerifier.Close: v.closer.Close() -> nil":               "jwks.Cache.Close has no error to return",
	". Issuers.Close: errors.Join(errs...) -> nil":               "jwks.Cache.Close has no error to return",
}
