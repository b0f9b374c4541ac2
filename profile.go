package bearer

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/bearerkit/bearer/internal/claim"
	"github.com/bearerkit/bearer/internal/jws"
)

//go:generate go run ./internal/profiles/generate

// Profile describes how the access tokens of an issuer differ from RFC 9068. If a field is
// nil, the rule of RFC 9068 applies. So the zero Profile accepts only tokens that follow
// RFC 9068. An empty list that is not nil means "none". Types and Audience must not be
// empty lists. [New] copies the Profile.
//
// To change a profile of this package, copy the struct, and set fields of the copy to new
// lists and maps:
//
//	p := bearer.Keycloak
//	p.Roles = []string{"/resource_access/deployments/roles"}
//
// The copy shares its lists and maps with the original, so do not change them in place.
// [ProfileByName] returns a profile that you can change in place.
//
// The fields name a top-level claim by its name, for example "azp" or "https://ns/roles".
// Dots, slashes and colons inside a name have no special meaning. The fields name a claim
// inside an object by a JSON pointer (RFC 6901), which starts with a slash, for example
// "/realm_access/roles". Do not forget the slash at the start: "custom/roles" and
// "custom.roles" are names of top-level claims. If a token does not have such a claim, the
// detail of the refusal contains the pointer. For three claims that are always objects
// ("realm_access", "resource_access" and "app_metadata"), New refuses a name such as
// "realm_access.roles". If a token really has a top-level claim with this name, write a pointer
// with one element: "/realm_access.roles". A pointer selects members of objects, and never
// elements of arrays.
type Profile struct {
	// Name is the name of the profile in logs. Empty means "RFC 9068".
	Name string
	// Types lists the accepted values of the header member "typ". They are compared as media
	// types: upper and lower case are equal, and the prefix "application/" is ignored. If the
	// list contains "", a token without "typ" is accepted. Nil means only "at+jwt" (RFC 9068,
	// section 4).
	Types []string
	// WrongIssuers lists frequent mistakes in the issuer. Each key is a regular expression,
	// and its value is a sentence that explains the mistake. If Config.Issuer matches the
	// regular expression, New returns an error with the sentence. If a JWTVerifier refuses a
	// token with WrongIssuer, and "iss" matches the regular expression, the error of this
	// refusal contains the sentence.
	WrongIssuers map[string]string
	// Aliases lists the "iss" values of an issuer that uses several values. The aliases apply
	// only if Config.Issuer is in the list.
	Aliases []string
	// Audience lists the claims that may hold the audience. Config.Audience is compared with
	// the first of these claims that the token has. A claim that is an empty array counts as
	// absent. For example, with {"aud", "client_id"}, a token without "aud" is accepted if
	// Config.Audience contains its "client_id". Nil means only "aud".
	Audience []string
	// Scopes lists the claims that hold scopes. Such a claim is a string, in which spaces
	// separate the scopes, or an array of strings, where each element is one scope. A string with a
	// character that no scope may contain, such as a tab, grants no scopes. In an array, an
	// element that is not one scope, such as "a b" or null, grants no scopes, and the other
	// elements count. A claim of any other form grants no scopes. A token grants the scopes of
	// all listed claims. Nil means only the claim "scope", which must be a string (RFC 9068,
	// section 2.2.3). For a profile with an empty list of scopes and a list of roles, New logs a
	// warning, because a rule that requires a scope then refuses every token.
	Scopes []string
	// WildcardScopes turns scopes of the token that end in ":*", ".*" or "/*" into wildcards
	// ([scopes.Set.WithWildcards]). For example, "read:*" grants "read:users" and
	// "read:users:all". If WildcardScopes is false, such a scope is a name like any other, and
	// grants no other scopes. RFC 6749 knows no wildcards, so set WildcardScopes only if the
	// issuer documents them. Then a name with "*" is a mistake in Config.Hierarchy. Roles have no
	// wildcards.
	WildcardScopes bool
	// Roles lists the claims that hold roles, groups or permissions. Such a claim is a string,
	// which is one role, an array of strings, or an object whose member names are the roles. A
	// member grants its role only if its value is true, or an object that is not empty and has
	// only strings as values, as in the tokens of Zitadel. Everything else grants no role, for
	// example the value false, an empty text, or an object in an array; the other roles count.
	// Roles grant no scopes. To require a role, use the rule [HasRole]. Nil means no claims.
	Roles []string
	// ClientID lists the claims that may hold the client identifier. [Claims.ClientID] returns
	// the first of these claims that the token has. Nil means only "client_id".
	ClientID []string
	// Required lists the claims that a token must have. The claims "iss", "exp" and the
	// audience are always required. A claim that is null or "" counts as missing. Nil means
	// "sub", "client_id", "iat" and "jti" (RFC 9068, section 2.2).
	Required []string
	// RequiredValues lists claims that a token must have, and their accepted values. Each key
	// names a claim, and its value lists the accepted strings. Nil means no claims.
	RequiredValues map[string][]string
	// Forbidden lists claims that mark a different kind of token, such as an ID token. A token
	// with one of these claims is refused, because it is not an access token (RFC 8725,
	// section 3.12). If Types accepts only "at+jwt", nil means no claims, because "at+jwt"
	// already identifies access tokens. Otherwise nil means "at_hash", "c_hash", "nonce" and
	// "events".
	Forbidden []string
	// ForbiddenHeader lists header members that mark tokens issued for a different service. A
	// token with such a member is refused. Each key is the name of a member, and its value is
	// a sentence that explains the refusal in the log.
	ForbiddenHeader map[string]string
	// InertConfirmation lists members of "cnf" that do not bind the token to a client key. A
	// token with any other member in "cnf" is refused.
	InertConfirmation []string
	// KeysNameIssuer restricts the use of keys that have the member "issuer". If
	// KeysNameIssuer is true, such a key verifies only tokens whose "iss" equals this member.
	// In the member, "{tenantid}" stands for the token's "tid". If the member is the version 2
	// issuer of an Entra ID tenant, the key also verifies version 1 tokens of this tenant, in the
	// same cloud. A token that only a key with a different issuer verifies is refused with
	// WrongIssuer.
	KeysNameIssuer bool
	// TenantClaims lists the claims that identify a customer of the issuer, for an issuer that
	// issues the tokens of all its customers. Each key names a claim. Its value is a regular
	// expression that the whole value of the claim must match. The empty string matches every
	// value. Config.Tenants lists the accepted values of these claims. If TenantClaims is not
	// empty, New requires Config.Tenants, Config.Validate or Config.InsecureAnyTenant. Choose
	// claims whose values the issuer assigns. Do not choose names, because a different customer
	// can register a name that its owner gave up.
	//
	// New knows some issuers of this kind, such as "https://gitlab.com" (see docs/issuers.md).
	// For such an issuer, TenantClaims may only select some of the known claims. Nil means the
	// known claims. For any other issuer, nil means no claims.
	TenantClaims map[string]string
	// SPIFFE marks the tokens as JWT-SVIDs of a SPIFFE trust domain, which need not have "iss". If
	// SPIFFE is true, Config.Issuer must be the trust domain, for example "spiffe://example.org".
	// The claim "sub" must be the SPIFFE ID of a workload in this trust domain. The claim "iss" is
	// ignored, except that [Issuers] first looks for a different issuer with this "iss". Keys for
	// JWT-SVIDs ([jwks.Key.SVID]) are used, and Config.Algorithms must not contain EdDSA or
	// Ed25519. False means that "iss" names the issuer, and that keys for JWT-SVIDs are not used.
	SPIFFE bool
}

// idToken lists claims of ID tokens and of security event tokens, which access tokens of
// machine clients do not need (OpenID Connect Core 1.0, sections 2 and 3.3.2.11; RFC 8417).
//
//nolint:gochecknoglobals // never changed; Go has no constant lists
var idToken = []string{"at_hash", "c_hash", "nonce", "events"}

// ProfileByName returns the profile of this package with the given name, for example from a
// configuration file. The name is the name of the profile's variable, such as "EntraV2", or
// its [Profile.Name], such as "Entra ID v2". ProfileByName does not distinguish upper and
// lower case, and ignores spaces, hyphens and underscores. So "entra-v2" is valid too. The
// names "RFC 9068" and "" return the zero Profile. For an unknown name, the error lists all
// names.
//
// The result shares no memory with the variable or with the results of other calls. The
// caller may change the result in place.
func ProfileByName(name string) (Profile, error) {
	key := profileKey(name)
	if name == "" || key == "rfc9068" {
		return Profile{}, nil
	}
	for _, row := range builtIn {
		if p := row.make(); key == profileKey(row.variable) || key == profileKey(p.Name) {
			return Profile(p), nil
		}
	}
	return Profile{}, fmt.Errorf("bearer: no profile %q: want one of %s", name, strings.Join(profileNames(), ", "))
}

// profileNames returns a sorted list with one name for each profile that [ProfileByName]
// finds. The names are the names of the variables in lower case, and "rfc9068".
func profileNames() []string {
	names := []string{"rfc9068"}
	for _, row := range builtIn {
		names = append(names, profileKey(row.variable))
	}
	slices.Sort(names)
	return names
}

// profileKey returns the normalized form of a name. ProfileByName compares these forms.
func profileKey(name string) string {
	return strings.ToLower(strings.NewReplacer(" ", "", "-", "", "_", "").Replace(name))
}

// Claims decodes a claims set that has the form of p. It is for verifiers of other packages
// and for tests. For example, the claims set may come from an introspection response or
// from the record of an API key.
//
// Claims verifies no signature and applies no [Config]. It checks only that set is one JSON
// object without duplicate names, and that the claims have the right types. The caller must
// check everything else, including the expiry. The method [Claims.Issuer] of the result
// returns "iss".
//
// The error holds an *[Error]. The reason is [Internal] if p is invalid. Otherwise the
// reason is [Malformed] or [InvalidClaims].
func (p Profile) Claims(set []byte) (*Claims, error) {
	p.WrongIssuers = nil // Claims does not use the regular expressions, and resolve must not waste time on them
	resolved, errs := p.resolve()
	if err := errors.Join(errs...); err != nil {
		return nil, &Error{Reason: Internal, Err: err}
	}
	c := &claimSet{}
	if err := c.members.Read(set); err != nil {
		return nil, refuse(Malformed, "claims: %w", err)
	}
	if _, err := c.decode(resolved, new(claim.Texts)); err != nil {
		return nil, err.toCaller()
	}
	if err := c.readText(&claimIss, &c.issuer); err != nil {
		return nil, err.toCaller()
	}
	c.decodeGrants(resolved, nil)
	return newClaims(c), nil
}

// The type profile is a Profile after its defaults were set and its names of claims were
// parsed.
type profile struct {
	name              string
	types             []string
	wrongIssuers      []wrongIssuer
	aliases           []string
	audience          []claim.Path
	scopes            []claim.Path
	arrays            bool // a claim that holds scopes may be an array
	wildcardScopes    bool
	roles             []claim.Path
	clientID          []claim.Path
	required          []claim.Path
	requiredValues    []claimValues
	forbidden         []claim.Path
	forbiddenHeader   map[string]string
	inertConfirmation []string
	keysNameIssuer    bool
	spiffe            bool
}

// wrongIssuer is an entry of Profile.WrongIssuers.
type wrongIssuer struct {
	form *regexp.Regexp
	why  string
}

// wrongIssuerText returns the sentence of the entry in Profile.WrongIssuers that matches an
// issuer. It returns "" if no entry matches.
func (p *profile) wrongIssuerText(issuer string) string {
	for _, wrong := range p.wrongIssuers {
		if wrong.form.MatchString(issuer) {
			return wrong.why
		}
	}
	return ""
}

// claimValues is an entry of Profile.RequiredValues.
type claimValues struct {
	path   claim.Path
	values []string
}

// checkIssuer returns an error for each entry of WrongIssuers that matches issuer, and for
// each invalid regular expression.
func (p Profile) checkIssuer(issuer string) []error {
	var errs []error
	for _, form := range slices.Sorted(maps.Keys(p.WrongIssuers)) {
		why := p.WrongIssuers[form]
		re, err := regexp.Compile(form)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("Config.Profile.WrongIssuers: %w", err))
		case re.MatchString(issuer):
			errs = append(errs, fmt.Errorf("Config.Issuer: %q: %s", issuer, why))
		}
	}
	return errs
}

// resolve sets the defaults of p and parses the names of claims. It also returns the faults
// of p.
func (p Profile) resolve() (*profile, []error) {
	r := &profile{
		name:              p.Name,
		types:             []string{"at+jwt"},
		aliases:           slices.Clone(p.Aliases),
		arrays:            p.Scopes != nil,
		wildcardScopes:    p.WildcardScopes,
		forbiddenHeader:   maps.Clone(p.ForbiddenHeader),
		inertConfirmation: slices.Clone(p.InertConfirmation),
		keysNameIssuer:    p.KeysNameIssuer,
		spiffe:            p.SPIFFE,
	}
	if p.Name == "" {
		r.name = "RFC 9068"
	}
	var errs []error
	for _, form := range slices.Sorted(maps.Keys(p.WrongIssuers)) {
		if re, err := regexp.Compile(form); err == nil { // checkIssuer reports an invalid regular expression
			r.wrongIssuers = append(r.wrongIssuers, wrongIssuer{re, p.WrongIssuers[form]})
		}
	}
	if p.Types != nil {
		r.types = slices.Clone(p.Types)
		for i, typ := range r.types {
			r.types[i] = jws.MediaType(typ)
		}
	}
	if len(r.types) == 0 {
		errs = append(errs, errors.New("Config.Profile.Types: the list is empty, so no token can be accepted; nil means at+jwt"))
	}
	var otherKinds []string
	if slices.ContainsFunc(r.types, func(typ string) bool { return typ != "at+jwt" }) {
		otherKinds = idToken
	}
	for _, list := range []struct {
		field          string
		given          []string
		defaults       []string
		to             *[]claim.Path
		mustNotBeEmpty bool
	}{
		{"Audience", p.Audience, []string{"aud"}, &r.audience, true},
		{"Scopes", p.Scopes, []string{"scope"}, &r.scopes, false},
		{"Roles", p.Roles, nil, &r.roles, false},
		{"ClientID", p.ClientID, []string{"client_id"}, &r.clientID, false},
		{"Required", p.Required, []string{"sub", "client_id", "iat", "jti"}, &r.required, false},
		{"Forbidden", p.Forbidden, otherKinds, &r.forbidden, false},
	} {
		names := list.given
		if names == nil {
			names = list.defaults
		}
		if list.mustNotBeEmpty && len(names) == 0 {
			errs = append(errs, fmt.Errorf("Config.Profile.%s: the list is empty, so no token can be accepted; nil means aud", list.field))
		}
		paths, pathErrs := claim.ParsePaths("Config.Profile."+list.field, names)
		*list.to = paths
		errs = append(errs, pathErrs...)
	}
	return r, append(errs, r.parseValues(p)...)
}

// parseValues sets r.requiredValues. It returns the faults of RequiredValues,
// InertConfirmation and Aliases.
func (r *profile) parseValues(p Profile) []error {
	var errs []error
	for name, values := range p.RequiredValues {
		path, err := claim.ParsePath(name)
		if err != nil {
			errs = append(errs, fmt.Errorf("Config.Profile.RequiredValues: %w", err))
			continue
		}
		if len(values) == 0 {
			errs = append(errs, fmt.Errorf("Config.Profile.RequiredValues: %q: want at least one value", name))
			continue
		}
		r.requiredValues = append(r.requiredValues, claimValues{path, slices.Clone(values)})
	}
	if slices.Contains(p.InertConfirmation, "") {
		errs = append(errs, errors.New("Config.Profile.InertConfirmation: contains an empty name"))
	}
	if slices.Contains(p.Aliases, "") {
		errs = append(errs, errors.New("Config.Profile.Aliases: contains an empty issuer"))
	}
	return errs
}
