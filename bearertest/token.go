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

// Token returns a signed access token in the form of RFC 9068: "typ" at+jwt,
// and the claims iss, sub, client_id, iat, exp, jti and, where Options.Audience
// says so, aud. The claims given are laid over these. A nil value removes a
// claim, json.RawMessage("null") sets it to null, and a [time.Time] becomes a
// number of seconds. It panics on a value that has no JSON form.
func (i *Issuer) Token(claims map[string]any) string { return i.Mint(nil, claims) }

// Mint returns a token as [Issuer.Token] does, with header members laid over
// the defaults alg, kid and typ in the same way. The key is that of
// [Issuer.SigningKey] for the header's alg. There is no signature if alg is
// "none", and a signature by the default key if alg is any other name that no
// key signs with, or no string at all: the token then claims an algorithm that
// it was not signed with.
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

// Forge returns a token as [Issuer.Mint] does, under the key ID of the issuer's
// own key, but signed by a key of the same kind that no issuer has.
func (i *Issuer) Forge(header, claims map[string]any) string {
	alg, _ := header["alg"].(string)
	if !supported(alg) {
		alg = ""
	}
	key := i.SigningKey(alg)
	forger := KeyFrom(generate(key.alg, func() *rsa.PrivateKey { return forgerKey() }), key.alg, key.id)
	return forger.Sign(encode(overlay(forger.header(), header)), encode(overlay(i.claims(time.Now()), claims)))
}

// Tamper returns token with claims laid over its payload, as in [Issuer.Token],
// and the signature left as it was. Without claims the payload stays, and the
// signature is changed instead. It panics if token is no JWS whose payload is
// a JSON object.
func Tamper(token string, claims map[string]any) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		panic("bearertest: Tamper needs a compact JWS")
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

// header returns the members of a header for an RFC 9068 token under this key.
func (k *Key) header() map[string]any {
	return map[string]any{"alg": k.alg, "kid": k.id, "typ": "at+jwt"} // RFC 9068, section 2.1
}

// claims returns the claims of RFC 9068, section 2.2, for nobody in particular.
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

// overlay lays members over base, which it changes and returns.
func overlay(base, members map[string]any) map[string]any {
	maps.Copy(base, members)
	maps.DeleteFunc(base, func(_ string, value any) bool { return value == nil })
	return base
}

// encode writes the members in the order of their names, so that one token is
// always the same string.
func encode(members map[string]any) []byte {
	members = maps.Clone(members)
	for name, value := range members {
		if t, ok := value.(time.Time); ok {
			members[name] = t.Unix() // a NumericDate: RFC 7519, section 2
		}
	}
	out, err := json.Marshal(members, json.Deterministic(true))
	if err != nil {
		panic(fmt.Sprintf("bearertest: a token cannot be made of this: %v", err))
	}
	return out
}
