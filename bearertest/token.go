package bearertest

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Token returns a signed access token in the form of RFC 9068, with "typ"
// at+jwt and the claims iss, sub, client_id, iat, exp and jti, and aud if
// Options.Audience is set. The argument overrides these defaults: a nil value
// removes a claim, json.RawMessage("null") sets it to null, and a [time.Time]
// becomes a number of seconds. Token panics if a value cannot be encoded as
// JSON.
func (i *Issuer) Token(claims map[string]any) string { return i.Mint(nil, claims) }

// Mint returns a token like [Issuer.Token]. In addition, header overrides the
// members alg, kid and typ of the token's header, in the same way as claims
// overrides the claims. The token is signed with the key that
// [Issuer.SigningKey] returns for the header's alg. If alg is "none", the
// signature is empty. If alg is not supported or not a string, the default key
// signs: the header then names an algorithm that was not used. Mint panics if a
// value cannot be encoded as JSON.
func (i *Issuer) Mint(header, claims map[string]any) string {
	alg, isString := header["alg"].(string)
	key := i.SigningKey("")
	if isString && supported(alg) {
		key = i.SigningKey(alg)
	}
	h := encode(overlay(key.header(), header))
	c := encode(overlay(i.claims(time.Now()), claims))
	if isString && alg == "none" {
		return Compact(h, c, nil)
	}
	return key.Sign(h, c)
}

// Forge returns a token like [Issuer.Mint], but signs it with a key that no
// issuer owns. Its key ID is that of the issuer's signing key, so that only the
// signature is wrong.
func (i *Issuer) Forge(header, claims map[string]any) string {
	alg, _ := header["alg"].(string)
	if !supported(alg) {
		alg = ""
	}
	key := i.SigningKey(alg)
	forger := KeyFrom(generate(key.alg, func() *rsa.PrivateKey { return forgerKey() }), key.alg, key.id)
	return forger.Sign(encode(overlay(forger.header(), header)), encode(overlay(i.claims(time.Now()), claims)))
}

// Tamper returns token with other claims and the old signature, which is then
// invalid. The argument overrides claims as in [Issuer.Token]. If claims is
// empty, Tamper keeps the payload and changes the signature. It panics if token
// is not a compact JWS whose payload is a JSON object.
func Tamper(token string, claims map[string]any) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		panic(fmt.Sprintf("bearertest: Tamper: got a token of %d parts, want a compact JWS of 3 parts", len(parts)))
	}
	if len(claims) == 0 {
		signature, err := base64.RawURLEncoding.DecodeString(parts[2])
		must(err)
		if len(signature) == 0 {
			signature = []byte{0}
		}
		signature[len(signature)/2] ^= 1
		return parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(signature)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	must(err)
	var members map[string]jsontext.Value
	must(json.Unmarshal(payload, &members))
	old := make(map[string]any, len(members))
	for name, value := range members {
		old[name] = value
	}
	return parts[0] + "." + base64.RawURLEncoding.EncodeToString(encode(overlay(old, claims))) + "." + parts[2]
}

// header returns the header members of an RFC 9068 token signed with k.
func (k *Key) header() map[string]any {
	return map[string]any{"alg": k.alg, "kid": k.id, "typ": "at+jwt"} // RFC 9068, section 2.1
}

// claims returns the default claims of a token (RFC 9068, section 2.2).
func (i *Issuer) claims(now time.Time) map[string]any {
	claims := defaultClaims(i.url, now, i.opts.Lifetime)
	if len(i.opts.Audience) > 0 {
		claims["aud"] = slices.Clone(i.opts.Audience)
	}
	return claims
}

func defaultClaims(issuer string, now time.Time, lifetime time.Duration) map[string]any {
	return map[string]any{
		"iss":       issuer,
		"sub":       "client",
		"client_id": "client",
		"iat":       now.Unix(),
		"exp":       now.Add(lifetime).Unix(),
		"jti":       rand.Text(),
	}
}

// overlay copies members into base, removes members with the value nil and
// returns base.
func overlay(base, members map[string]any) map[string]any {
	maps.Copy(base, members)
	maps.DeleteFunc(base, func(_ string, value any) bool { return value == nil })
	return base
}

// encode returns members as a JSON object. The members are sorted by name, so that
// equal maps give equal bytes.
func encode(members map[string]any) []byte {
	members = maps.Clone(members)
	for name, value := range members {
		if t, ok := value.(time.Time); ok {
			members[name] = t.Unix() // a NumericDate: RFC 7519, section 2
		}
	}
	out, err := json.Marshal(members, json.Deterministic(true))
	if err != nil {
		panic(fmt.Sprintf("bearertest: a value cannot be encoded as JSON: %v", err))
	}
	return out
}
