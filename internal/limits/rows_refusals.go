package limits

// refusals lists the valid tokens that are refused for their form, and not because of a number.
// The columns are the fields of Refusal.
var refusals = []Refusal{
	{"a member name that occurs twice in an object", "RFC 8259, section 4; RFC 7519, section 4, permits the refusal", "malformed", "Two parsers can choose different values.", "duplicate name"},
	{"an escape of a lone surrogate, for example `\"\\ud800\"`", "RFC 8259, section 8.2", "malformed", "Parsers replace the escape with different characters. So two different names or values can become equal.", "lone surrogate"},
	{"a byte order mark before the claims set", "RFC 8259, section 8.1, permits the refusal", "malformed", "Parsers handle the mark in different ways.", "byte order mark"},
	{"`kid` with the empty string", "RFC 7515, section 4.1.4", "malformed", "Some programs do not distinguish the empty string from a missing `kid`.", "empty kid"},
	{"unused bits in the last character of a part that are not zero", "RFC 4648, section 3.5, permits the refusal", "malformed", "One token has several texts.", "unused bits"},
	{"a header with `crit`", "RFC 7515, section 4.1.11, requires the refusal", "malformed", "This module supports no extension.", "crit"},
	{"a header with `b64`", "RFC 7797, section 3", "malformed", "The option is not for JWTs (RFC 7797, section 7).", "b64"},
	{"a nested token: `cty` is `JWT`", "RFC 7519, section 5.2", "malformed", "The claims are in the inner token, which this module does not verify.", "nested token"},
	{"an encrypted token (JWE)", "RFC 7519, section 3", "malformed", "Decryption is not supported.", "encrypted token"},
	{"the JSON serialization of a JWS", "RFC 7515, section 7.2", "request", "A JWT has the compact form (RFC 7519, section 3). The text is no bearer token (RFC 6750, section 2.1).", "JSON serialization"},
	{"`alg` is `none`", "RFC 7519, section 6", "algorithm", "Anyone can write such a token.", "none"},
	{"`alg` is a MAC such as `HS256`", "RFC 7518, section 3.2", "algorithm", "A service that can verify such a token can also issue it.", "HS256"},
	{"`alg` is `RS384`, `PS512`, `ES384` or another supported algorithm that is not a default", "RFC 7518, section 3.1", "algorithm", "The defaults are RS256, PS256, ES256, EdDSA and Ed25519. `Config.Algorithms` replaces them.", "RS384"},
	{"`alg` is an algorithm that is not supported, such as `ES256K`", "RFC 8812, section 3.2", "algorithm", "The Go standard library does not have the algorithm.", "ES256K"},
	{"no `typ`, or a `typ` that the profile does not accept", "RFC 7519, section 5.1", "type", "RFC 9068, section 4, requires `at+jwt`. `Config.Profile` accepts the values of a vendor.", "no typ"},
	{"no `exp`", "RFC 7519, section 4.1.4", "claims", "RFC 9068, section 2.2, requires `exp`.", "no exp"},
	{"no `sub`, `client_id`, `iat` or `jti`", "RFC 7519, section 4.1", "claims", "RFC 9068, section 2.2, requires these claims. `Config.Profile` changes the list.", "no jti"},
	{"`sub`, `client_id` or `jti` with the empty string", "RFC 7519, section 4.1.7", "claims", "An empty value identifies nothing, so it counts as absent.", "empty jti"},
	{"no `iss`", "RFC 7519, section 4.1.1", "issuer", "RFC 9068, section 4, requires the issuer. Only the profile SPIFFE does not.", "no iss"},
	{"the same issuer with the port 443", "RFC 3986, section 6.2.3", "issuer", "Issuers are compared character by character. `Profile.Aliases` lists further issuers.", "iss with a port"},
	{"no `aud`", "RFC 7519, section 4.1.3", "audience", "RFC 9068, section 4, requires the audience. `Profile.Audience` names other claims.", "no aud"},
	{"`aud` is an empty array", "RFC 7519, section 4.1.3", "audience", "RFC 9068, section 4, requires the audience. `Profile.Audience` names other claims.", "empty aud"},
	{"`iss`, `sub` or `aud` in the header with a value that differs from the claim", "RFC 7519, section 5.3", "claims", "A router that reads the header uses a different value than bearer.", "different claim in the header"},
	{"`cnf`: the token is bound to a key of the client", "RFC 7800, section 3", "binding", "`Config.Bindings` accepts such a token together with a proof of the key, for the members of `cnf` that it names. `Profile.InertConfirmation` lists members that name no key.", "cnf"},
	{"`nonce`, `at_hash`, `c_hash` or `events`, if the profile accepts a `typ` other than `at+jwt`", "RFC 7519, section 4.3", "claims", "The claim marks a different kind of token, such as an ID token. `Profile.Forbidden` replaces the list.", "nonce"},
	{"no `kid`, if more than four keys of the issuer fit `alg`", "RFC 7515, section 4.1.4", "unknown_key", "The token does not name its key, and trying many keys is slow.", "no kid"},
}
