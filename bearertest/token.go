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

// Token returns a signed access token in the form of RFC 9068. Its "typ" is
// at+jwt. It has the claims iss, sub, client_id, iat, exp and jti. If
// Options.Audience is set, the token also has aud. The argument adds claims and
// overrides these claims. A nil value removes a claim, and
// json.RawMessage("null") sets a claim to null. A [time.Time] becomes a number
// of seconds. Token panics if a value cannot be encoded as JSON.
func (i *Issuer) Token(claims map[string]any) string { return i.Mint(nil, claims) }

// Mint returns a token as [Issuer.Token] does. In addition, the argument header
// adds members to the token's header and overrides the members alg, kid and
// typ. The "alg" in header selects the signing key; see [Issuer.SigningKey]. If
// "alg" is "none", the signature is empty. If "alg" is not supported or is not
// a string, the default key signs the token, so the "alg" of the token differs
// from the algorithm of the signature. Mint panics if a value cannot be encoded
// as JSON.
func (i *Issuer) Mint(header, claims map[string]any) string {
	alg, isString := header["alg"].(string)
	key := i.SigningKey("")
	if isString && isSupported(alg) {
		key = i.SigningKey(alg)
	}
	h := encode(overlay(key.header(), header))
	c := encode(overlay(i.claims(time.Now()), claims))
	if isString && alg == "none" {
		return Compact(h, c, nil)
	}
	return key.Sign(h, c)
}

// Forge returns the same token as [Issuer.Mint], but signs it with a key that
// belongs to no issuer. The token has the key ID of the issuer's signing key,
// so only the signature is wrong.
func (i *Issuer) Forge(header, claims map[string]any) string {
	alg, _ := header["alg"].(string)
	if !isSupported(alg) {
		alg = ""
	}
	key := i.SigningKey(alg)
	forger := KeyFrom(generateKey(key.alg, func() *rsa.PrivateKey { return forgerKey() }), key.alg, key.id)
	return forger.Sign(encode(overlay(forger.header(), header)), encode(overlay(i.claims(time.Now()), claims)))
}

// Tamper returns a copy of token with changed claims and the old signature. The
// signature of the copy is invalid. The argument claims adds, overrides and
// removes claims, as the argument of [Issuer.Token] does. If claims is empty,
// Tamper keeps the claims and changes the signature. Tamper panics if token is
// not a compact JWS whose payload is a JSON object.
func Tamper(token string, claims map[string]any) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		panic(fmt.Sprintf("bearertest: Tamper: got a token of %d parts, want a compact JWS of 3 parts", len(parts)))
	}
	if len(claims) == 0 {
		signature, err := base64.RawURLEncoding.DecodeString(parts[2])
		panicIfError(err)
		if len(signature) == 0 {
			signature = []byte{0}
		}
		signature[len(signature)/2] ^= 1
		return parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(signature)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	panicIfError(err)
	var members map[string]jsontext.Value
	panicIfError(json.Unmarshal(payload, &members))
	old := make(map[string]any, len(members))
	for name, value := range members {
		old[name] = value
	}
	return parts[0] + "." + base64.RawURLEncoding.EncodeToString(encode(overlay(old, claims))) + "." + parts[2]
}

// The method header returns the header members of a token that k signs.
func (k *Key) header() map[string]any {
	return map[string]any{"alg": k.alg, "kid": k.id, "typ": "at+jwt"} // RFC 9068, section 2.1
}

// The method claims returns the default claims of a token (RFC 9068, section
// 2.2).
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

// The function overlay copies members into base, removes the members with the
// value nil, and returns base.
func overlay(base, members map[string]any) map[string]any {
	maps.Copy(base, members)
	maps.DeleteFunc(base, func(_ string, value any) bool { return value == nil })
	return base
}

// The function encode returns members as a JSON object. It sorts the members by
// name, so that it returns the same bytes for equal maps.
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
