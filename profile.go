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
// nil, the rule of RFC 9068 applies, so the zero Profile accepts only tokens that follow
// RFC 9068. An empty list that is not nil means "none"; [New] refuses an empty list in Types
// and in Audience. New copies the Profile.
//
// To change a profile of this package, copy the struct, and set fields of the copy to new
// lists and maps:
//
//	p := bearer.Keycloak
//	p.Roles = []string{"/resource_access/deployments/roles"}
//
// The copy shares its lists and maps with the original, so do not change them in place.
// [ProfileByName] returns a profile that shares no memory.
//
// A claim is written by its name, in which dots, slashes and colons have no special
// meaning ("azp", "https://ns/roles"). A claim inside an object is written as a JSON
// pointer (RFC 6901), which starts with a slash ("/realm_access/roles"). Without the slash
// at the start, "realm_access/roles" is accepted as the name of one top-level claim.
type Profile struct {
	// Name is the name of the profile in logs. Empty means "RFC 9068".
	Name string
	// Types lists the accepted values of the "typ" header. They are compared as media types:
	// case-insensitively and without "application/". The value "" accepts a token without
	// "typ". Nil means only "at+jwt" (RFC 9068, section 4).
	Types []string
	// WrongIssuers lists frequent mistakes in the issuer. Each key is a regular expression,
	// and its value is a sentence that explains the mistake. If Config.Issuer matches, New
	// returns an error with the sentence. If the "iss" of a refused token matches, the log
	// has the sentence.
	WrongIssuers map[string]string
	// Aliases lists the "iss" values that the issuer uses, if it uses more than one. The
	// aliases apply only if Config.Issuer is one of them.
	Aliases []string
	// Audience lists the claims that may hold the audience. Config.Audience is compared with
	// the first of these claims that the token has; an empty array counts as absent. Nil
	// means only "aud". With {"aud", "client_id"}, a token without "aud" is accepted if
	// Config.Audience lists its client.
	Audience []string
	// Scopes lists the claims that hold scopes, as a string or an array of strings. A token
	// has the scopes of all these claims. Nil means only "scope" as a string (RFC 9068,
	// section 2.2.3). A claim of another form grants no scopes.
	Scopes []string
	// Roles lists the claims that hold roles, groups or permissions. Such a claim is an array
	// of strings, an object whose member names are the roles, or an array of such objects.
	// Roles are separate from scopes; the rule [HasRole] requires a role. Nil means none.
	Roles []string
	// ClientID lists the claims that may hold the client identifier. [Claims.ClientID]
	// returns the first of these claims that the token has. Nil means "client_id".
	ClientID []string
	// Required lists the claims that a token must have, in addition to "iss", "exp" and the
	// audience, which are always required. A claim that is null or "" counts as missing. Nil
	// means "sub", "client_id", "iat" and "jti" (RFC 9068, section 2.2).
	Required []string
	// RequiredValues lists claims that a token must have. The key is the claim, and the value
	// lists the accepted strings.
	RequiredValues map[string][]string
	// Forbidden lists claims that mark another kind of token, such as an ID token, which must
	// not be accepted as an access token (RFC 8725, section 3.12). Nil means none if Types
	// accepts only "at+jwt", because that value identifies access tokens. Otherwise nil means
	// "at_hash", "c_hash", "nonce" and "events".
	Forbidden []string
	// ForbiddenHeader lists header members that mark tokens issued for another service. Each
	// key is the name of a member, and its value is a sentence that explains the refusal in
	// the log.
	ForbiddenHeader map[string]string
	// InertConfirmation lists members of "cnf" that do not bind the token to its sender. A
	// token with any other member in "cnf" is refused.
	InertConfirmation []string
	// KeysNameIssuer restricts a key that has the member "issuer" to tokens of that issuer.
	// In the member, "{tenantid}" stands for the token's "tid". If the member names Entra ID's
	// issuer of version 2, tokens of version 1 from the same tenant match too.
	KeysNameIssuer bool
}

// idToken lists claims of OpenID Connect Core 1.0 (sections 2 and 3.3.2.11) and RFC 8417
// that the access token of a machine client does not need.
//
//nolint:gochecknoglobals // never changed; Go has no constant lists
var idToken = []string{"at_hash", "c_hash", "nonce", "events"}

// ProfileByName returns the profile of this package with the given name, for example from a
// configuration file. The name of a profile is the name of its variable ("EntraV2") or its
// [Profile.Name] ("Entra ID v2"). Upper and lower case are not distinguished, and spaces,
// hyphens and underscores are ignored ("entra-v2"). The names "RFC 9068" and "" return the
// zero Profile. For an unknown name, the error lists all names.
//
// The profile shares no memory with the variable or with the results of other calls, so
// the caller may change it in place.
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

// profileNames returns one name for each profile that [ProfileByName] finds, sorted: the
// names of the variables in lower case, and "rfc9068".
func profileNames() []string {
	names := []string{"rfc9068"}
	for _, row := range builtIn {
		names = append(names, profileKey(row.variable))
	}
	slices.Sort(names)
	return names
}

// profileKey returns the form of a name by which profiles are compared.
func profileKey(name string) string {
	return strings.ToLower(strings.NewReplacer(" ", "", "-", "", "_", "").Replace(name))
}

// Claims decodes a claims set as p describes it. It is for verifiers of other packages and
// for tests: the claims set may come from an introspection response or from the record of
// an API key. Claims verifies no signature and applies no [Config]. It checks that set is
// one JSON object without duplicate names, and that its claims have the right types. The
// caller must check everything else, including the expiry. In the result, [Claims.Issuer]
// returns "iss", or "".
//
// The error holds an *[Error] with the reason [Malformed] or [InvalidClaims], or with
// [Internal] if p itself is invalid.
func (p Profile) Claims(set []byte) (*Claims, error) {
	p.WrongIssuers = nil // not used here, and expensive to compile
	resolved, errs := p.resolve()
	if err := errors.Join(errs...); err != nil {
		return nil, &Error{Reason: Internal, Err: err}
	}
	c := new(Claims)
	if err := c.members.Read(set); err != nil {
		return nil, refuse(Malformed, "claims: %w", err)
	}
	if _, err := c.decode(resolved, nil); err != nil {
		return nil, err.toCaller()
	}
	if err := c.readText(&claimIss, &c.issuer); err != nil {
		return nil, err.toCaller()
	}
	return c, nil
}

// profile is a Profile with its defaults set and its claims parsed.
type profile struct {
	name              string
	types             []string
	wrongIssuers      []wrongIssuer
	aliases           []string
	audience          []claim.Path
	scopes            []claim.Path
	arrays            bool // a claim in scopes may be an array
	roles             []claim.Path
	clientID          []claim.Path
	required          []claim.Path
	requiredValues    []claimValues
	forbidden         []claim.Path
	forbiddenHeader   map[string]string
	inertConfirmation []string
	keysNameIssuer    bool
}

// wrongIssuer is an element of Profile.WrongIssuers.
type wrongIssuer struct {
	form *regexp.Regexp
	why  string
}

// wrongIssuerReason returns the sentence of Profile.WrongIssuers for an issuer, or "".
func (p *profile) wrongIssuerReason(issuer string) string {
	for _, wrong := range p.wrongIssuers {
		if wrong.form.MatchString(issuer) {
			return wrong.why
		}
	}
	return ""
}

// claimValues is an element of Profile.RequiredValues.
type claimValues struct {
	path   claim.Path
	values []string
}

// checkIssuer returns an error for each element of WrongIssuers that matches issuer.
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

// resolve returns p with all defaults set, and the faults of p.
func (p Profile) resolve() (*profile, []error) {
	r := &profile{
		name:              p.Name,
		types:             []string{"at+jwt"},
		aliases:           slices.Clone(p.Aliases),
		arrays:            p.Scopes != nil,
		forbiddenHeader:   maps.Clone(p.ForbiddenHeader),
		inertConfirmation: slices.Clone(p.InertConfirmation),
		keysNameIssuer:    p.KeysNameIssuer,
	}
	if p.Name == "" {
		r.name = "RFC 9068"
	}
	var errs []error
	for _, form := range slices.Sorted(maps.Keys(p.WrongIssuers)) {
		if re, err := regexp.Compile(form); err == nil { // checkIssuer reports the error
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
		errs = append(errs, errors.New("Config.Profile.Types: empty, so no token can be accepted; nil means at+jwt"))
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
			errs = append(errs, fmt.Errorf("Config.Profile.%s: empty, so no token can be accepted; nil means aud", list.field))
		}
		paths, pathErrs := claim.ParsePaths("Config.Profile."+list.field, names)
		*list.to = paths
		errs = append(errs, pathErrs...)
	}
	return r, append(errs, r.parseValues(p)...)
}

// parseValues sets r.requiredValues, and returns the faults of the fields that are lists of
// strings.
func (r *profile) parseValues(p Profile) []error {
	var errs []error
	for name, values := range p.RequiredValues {
		path, err := claim.ParsePath(name)
		if err != nil || len(values) == 0 {
			errs = append(errs, fmt.Errorf("Config.Profile.RequiredValues: %q: want the name of a claim and at least one value", name))
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
