package bearer

import (
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/bearerkit/bearer/internal/claim"
	"github.com/bearerkit/bearer/internal/jws"
	"github.com/bearerkit/bearer/internal/sizeof"
	"github.com/bearerkit/bearer/internal/strictjson"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/scopes"
)

// Claims holds the claims of a verified access token. [Profile.Claims] makes Claims from
// other sources. The zero Claims has no claims. Claims is immutable and safe for concurrent
// use, because all requests with the same token share one value.
//
// The methods of a nil *Claims return the same values as the methods of the zero Claims: no
// subject, no scopes, no claims, and an error from Decode. [FromContext] returns nil if there are no
// claims. If a handler ignores the second result of FromContext, every question such as
// Scopes().Has is answered with no, and a gRPC server does not end because of a panic. Even so, check
// the second result: without a subject, a comparison of Subject with an empty owner is true.
//
// A printed Claims shows at most the values that the method String returns, with every verb of
// package fmt. The same is true for Claims in a field, in a list or in a context. A
// record of package log/slog shows at most the values that the method LogValue returns. The
// JSON form is an empty object.
type Claims struct {
	_ [0]func() // not comparable with ==, because == compares addresses
	// Package fmt prints an unexported field of a user's struct without calling methods, and it
	// follows one pointer if the verb is not valid for a pointer. It does not follow two pointers.
	set **claimSet // nil for the zero Claims
}

// claimSet holds the data of a Claims.
type claimSet struct {
	self     *claimSet         // the data itself, so that Claims can point to a pointer; the method point sets it
	members  strictjson.Record // the signed claims set; the strings below may share memory with members
	header   *jws.Header
	verifier *JWTVerifier // the verifier that decoded the claims; nil for Profile.Claims
	key      *jwks.Key    // the key under which the signature verified; nil for Profile.Claims

	issuer, subject, clientID, id string
	scopes                        scopes.Set
	expiresAt                     time.Time
	notBefore, issuedAt           moment
	roles                         []string
	custom                        any
}

// A moment is a time in 16 bytes. With a [time.Time], which has 24 bytes, an entry of the cache
// takes 480 bytes instead of 448. The zero moment stands for the zero Time.
type moment struct {
	seconds     int64 // since 1970
	nanoseconds int32
	isSet       bool
}

func momentOf(t time.Time) moment {
	return moment{t.Unix(), int32(t.Nanosecond()), !t.IsZero()} //nolint:gosec // less than 1e9
}

func (m moment) time() time.Time {
	if !m.isSet {
		return time.Time{}
	}
	return time.Unix(m.seconds, int64(m.nanoseconds))
}

// newClaims returns Claims with the claims of set.
func newClaims(set *claimSet) *Claims {
	own := &struct { // one allocation for both
		Claims
		data claimSet
	}{data: *set}
	own.point(&own.data)
	return &own.Claims
}

// noClaims are the claims of the zero Claims.
var noClaims claimSet //nolint:gochecknoglobals // never changed

// The method all returns the data of c. The data is never nil, even if c is nil.
func (c *Claims) all() *claimSet {
	if c == nil || c.set == nil {
		return &noClaims
	}
	return *c.set
}

// The method point sets the data of c.
func (c *Claims) point(set *claimSet) {
	set.self = set
	c.set = &set.self
}

// The names of claims that the verifier looks up in tokens.
//
//nolint:gochecknoglobals // never changed; Go has no constants of this type
var (
	claimIss, claimSub, claimAud = strictjson.NameOf("iss"), strictjson.NameOf("sub"), strictjson.NameOf("aud")
	claimExp, claimNbf, claimIat = strictjson.NameOf("exp"), strictjson.NameOf("nbf"), strictjson.NameOf("iat")
	claimJTI, claimCnf           = strictjson.NameOf("jti"), strictjson.NameOf("cnf")
)

// Issuer returns Config.Issuer, even if "iss" is a different value of Profile.Aliases. If
// Config.Issuer contains "{tenantid}", Issuer returns "iss".
func (c *Claims) Issuer() string { return c.all().issuer }

// Subject returns "sub". It returns "" if the token has no "sub"; some profiles allow such
// tokens. A subject is unique only within its issuer (RFC 7519, section 4.1.2). For most
// machine clients, the subject is the client identifier.
func (c *Claims) Subject() string { return c.all().subject }

// ClientID returns the client identifier. It returns "" if the token has none. In RFC 9068
// (section 2.2), the client identifier is in "client_id". [Profile.ClientID] lists the
// claims to use instead of "client_id".
func (c *Claims) ClientID() string { return c.all().clientID }

// ID returns "jti". It returns "" if the token has no "jti".
func (c *Claims) ID() string { return c.all().id }

// Audience returns a copy of "aud". If "aud" is a single string, the result has one
// element. If the token has no "aud", the result is nil.
func (c *Claims) Audience() []string {
	return stringsIn(c.all().members.Get(claimAud)) // the value is a string or an array of strings, because decode refuses any other value
}

// Scopes returns the scopes that the token grants. It includes the scopes that these scopes
// imply according to Config.Hierarchy. The set contains no roles, groups or permissions.
func (c *Claims) Scopes() scopes.Set { return c.all().scopes }

// Roles returns a copy of the roles, groups and permissions in the claims that
// [Profile.Roles] names. Roles grant no scopes.
func (c *Claims) Roles() []string { return slices.Clone(c.all().roles) }

// ExpiresAt returns "exp". Every verified token has "exp". If claims from [Profile.Claims]
// have no "exp", ExpiresAt returns the zero Time.
func (c *Claims) ExpiresAt() time.Time { return c.all().expiresAt }

// ValidUntil returns the time until which the verifier accepts the token: "exp" plus
// [Config.Leeway], or "iat" plus [Config.MaxAge] if this time is earlier. Use it for what must end
// with the token, such as a session. Claims from [Profile.Claims] have no verifier, so ValidUntil
// returns "exp".
func (c *Claims) ValidUntil() time.Time { return c.all().validUntil() }

// The method validUntil implements [Claims.ValidUntil].
func (c *claimSet) validUntil() time.Time {
	if c.verifier == nil {
		return c.expiresAt
	}
	until := c.expiresAt.Add(c.verifier.leeway)
	if issued := c.issuedAt.time(); c.verifier.maxAge > 0 && issued.Add(c.verifier.maxAge).Before(until) {
		return issued.Add(c.verifier.maxAge)
	}
	return until
}

// NotBefore returns "nbf". It returns the zero Time if the token has no "nbf".
func (c *Claims) NotBefore() time.Time { return c.all().notBefore.time() }

// IssuedAt returns "iat". It returns the zero Time if the token has no "iat".
func (c *Claims) IssuedAt() time.Time { return c.all().issuedAt.time() }

// KeySource names the source of the key that verified the signature; see [jwks.Key.Source]. With
// [jwks.Sources], it tells which cluster or issuer signed the token. It is "" if the key set is a
// *[jwks.Set], and for [Profile.Claims].
func (c *Claims) KeySource() string {
	if key := c.all().key; key != nil {
		return key.Source()
	}
	return ""
}

// Value returns a copy of the JSON text of a top-level claim. The bool reports whether the
// token has the claim. Names are compared byte for byte. A JSON pointer is not a valid name
// here. The text of a number has all digits that the issuer wrote.
func (c *Claims) Value(name string) ([]byte, bool) { return c.all().value(name) }

// The method value implements [Claims.Value].
func (c *claimSet) value(name string) ([]byte, bool) {
	v := c.members.Lookup(name)
	if v == "" {
		return nil, false
	}
	return []byte(v), true
}

// WithCustom returns a copy of the claims. For this copy, the function [Custom] returns a copy
// of the argument custom, or reports false if the argument cannot be copied. WithCustom is
// for verifiers of other packages and for tests of handlers.
func (c *Claims) WithCustom(custom any) *Claims {
	own := *c.all()
	own.custom = givenCustom{custom}
	return newClaims(&own)
}

// givenCustom marks custom claims that a caller passed to WithCustom. The function
// [Custom] cannot decode these custom claims again, because they do not come from the
// token.
type givenCustom struct{ value any }

// Decode decodes the whole claims set into v. Unlike encoding/json, Decode distinguishes
// upper and lower case in names. Every call decodes the claims set again. If every request
// needs the result, set Config.Custom instead. A number in a value of type any becomes a float64,
// which is exact only for integers up to 2^53; [JSON] says how to get exact numbers.
func (c *Claims) Decode(v any) error {
	if err := json.Unmarshal([]byte(c.all().members.Text()), v); err != nil {
		return fmt.Errorf("bearer: decode claims: %w", err)
	}
	return nil
}

// memory returns an estimate of the memory of the claims, in bytes. If there are custom
// claims, their memory counts at least as much as the length of the claims set. If the memory
// is larger than limit, the result is any number above limit.
func (c *claimSet) memory(limit int) int {
	n := c.members.Memory() + sizeof.Strings(len(c.roles)) + sizeof.Strings(c.scopes.Len())
	n += c.scopesMemory()
	if c.members.Escaped() { // strings with escapes do not share the memory of the claims set
		n += sizeof.Text(len(c.issuer)) + sizeof.Text(len(c.subject)) + sizeof.Text(len(c.clientID)) + sizeof.Text(len(c.id))
		n += c.grantsMemory(c.verifier.profile.scopes, c.scopes.Len()) + c.grantsMemory(c.verifier.profile.roles, len(c.roles))
	}
	return n + c.customMemory(limit)
}

// scopesMemory returns the memory of the indexes of the scopes.
func (c *claimSet) scopesMemory() int {
	n, wildcards := c.scopes.Len(), c.verifier.profile.wildcardScopes
	if n <= 4 && !wildcards && len(c.verifier.hierarchy) == 0 {
		return 0 // a short list has no index
	}
	bytes := sizeof.Pointers(56) + sizeof.Alloc(8*n) // the struct with the indexes, and the index of the names
	if wildcards {
		bytes += sizeof.Alloc(8 * n)
	}
	return bytes
}

// customMemory returns the memory of the custom claims. A value with a method Clone counts as
// much as the claims set, because only the method knows how to read the value safely. The
// same is true for a value that can share memory with other goroutines.
func (c *claimSet) customMemory(limit int) int {
	if c.custom == nil {
		return 0
	}
	n := len(c.members.Text())
	if _, ok := cloneMethod(c.custom); ok {
		return n
	}
	if size, ok := sizeof.Value(c.custom, limit); ok {
		return max(n, size)
	}
	return n
}

// decode sets the fields of c from the claims set, except the scopes and the roles, which
// decodeGrants sets. Profile p names the claims that decode reads. It checks the types of
// the claims, but not their values. audienceMatched reports whether "aud" contains one of
// the texts in audience.
func (c *claimSet) decode(p *profile, audience *claim.Texts) (audienceMatched bool, _ *Error) {
	if err := c.readText(&claimSub, &c.subject); err != nil {
		return false, err
	}
	if err := c.readText(&claimJTI, &c.id); err != nil {
		return false, err
	}
	if err := c.readDate(&claimExp, &c.expiresAt); err != nil {
		return false, err
	}
	for _, date := range []struct {
		name *strictjson.Name
		to   *moment
	}{{&claimNbf, &c.notBefore}, {&claimIat, &c.issuedAt}} {
		var t time.Time
		if err := c.readDate(date.name, &t); err != nil {
			return false, err
		}
		*date.to = momentOf(t)
	}
	if v := c.members.Get(claimAud); v != "" {
		var ok bool
		if audienceMatched, ok = audience.Find(v); !ok {
			return false, refuse(InvalidClaims, `"aud" is neither a string nor an array of strings`)
		}
	}
	for _, path := range p.clientID {
		if v := path.In(&c.members); v != "" {
			var ok bool
			if c.clientID, ok = strictjson.String(v); !ok {
				return false, refuse(InvalidClaims, "%q is not a string", path)
			}
			break
		}
	}
	return audienceMatched, nil
}

func (c *claimSet) readText(name *strictjson.Name, to *string) *Error {
	v := c.members.Get(*name)
	if v == "" {
		return nil
	}
	var ok bool
	if *to, ok = strictjson.String(v); !ok {
		return refuse(InvalidClaims, "%q is not a string", *name)
	}
	return nil
}

func (c *claimSet) readDate(name *strictjson.Name, to *time.Time) *Error {
	v := c.members.Get(*name)
	if v == "" {
		return nil
	}
	var err error
	if *to, err = claim.Date(v); err != nil {
		return refuse(InvalidClaims, "%q %w", *name, err)
	}
	return nil
}

// stringsIn returns the strings in v, which is a string or an array of strings. It returns
// nil if v is anything else.
func stringsIn(v string) []string {
	if text, ok := strictjson.String(v); ok {
		return []string{text}
	}
	list, _ := strictjson.Strings(v)
	return list
}

// hasClaim reports whether the claim is present. A claim that is null or "" counts as
// absent, because the methods of Claims return the same values for it as for an absent
// claim.
func (c *claimSet) hasClaim(path claim.Path) bool {
	value := path.In(&c.members)
	return value != "" && value != "null" && value != `""`
}
