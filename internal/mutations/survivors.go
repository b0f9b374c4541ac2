package main

// Reasons that several checks share.
const (
	sticky  = "the decoder returns its first error again and again, and the next call meets it"
	peeked  = "the kind of the token was looked at before: it is there"
	textual = "only the text of the error is another one"
	emptied = "what could not be read is empty, and that is refused by the next check"
	twice   = "jwkset checks it once more"
	quicker = "it spares work and decides nothing"
	slower  = "what is not found to be plain is read by the library, to the same verdict"
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

	"jwks members.permitted: !ok -> false":         emptied,
	"jwks readKey: err != nil -> false":            emptied,
	"jwks Key.load: err != nil -> false":           "the members of the type were read before",
	"jwks members.material: err != nil -> false":   emptied,
	"jwks members.rsa: err != nil -> false":        emptied,
	"jwks members.rsa: err != nil (2) -> false":    emptied,
	"jwks members.ec: err != nil -> false":         emptied,
	"jwks members.ec: err != nil (2) -> false":     emptied,
	"jwks members.ec: err != nil (3) -> false":     emptied,
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
	"internal/strictjson Members: object[0] != '{' -> false":          "its argument is valid JSON, in which no other value has a name behind its first character",

	"scopes Table.Rule: pattern == \"\" -> false": quicker,

	"jwks readBody: resp.ContentLength > maxDocument -> false": quicker,
	"jwks readBody: err != nil -> false":                       "reading it panics, and a fetch that panics has failed",
	"jwks readBody: len(data) > maxDocument -> false":          "whoever reads the document asks once more",
	"jwks loopbackAddress: err != nil -> false":                emptied,
	"jwks publicAddress: err != nil -> false":                  emptied,
	"jwks isLoopback: err == nil -> true":                      emptied,

	"middleware Guard.stamp: len(g.headers) == 0 -> false":                 quicker,
	"middleware Guard.stamp: strings.ContainsAny(field, \"-_\") -> true":   quicker,
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
}
