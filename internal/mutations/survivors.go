package main

// Reasons that several checks share.
const (
	sticky  = "the decoder returns its first error again and again, and the next call meets it"
	peeked  = "the kind of the token was looked at before: it is there"
	textual = "only the text of the error is another one"
	emptied = "what could not be read is empty, and that is refused by the next check"
	twice   = "jwkset checks it once more"
	quicker = "it spares work and decides nothing"
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
}
