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

// Profile is what an issuer's access tokens look like where they differ from
// RFC 9068. A profile is data: each field that is nil has the rule of RFC 9068, so
// that the zero Profile is RFC 9068 strictly, and an empty list that is not nil means
// "none". [New] copies it.
//
// To change a profile of this package, copy the struct and give fields of the copy new
// lists and maps:
//
//	p := bearer.Keycloak
//	p.Roles = []string{"/resource_access/deployments/roles"}
//
// The copy of a struct shares its lists and maps with the original: do not change
// those in place. What [ProfileByName] returns shares nothing.
//
// Claims are named as they are ("azp", "https://ns/roles": dots, slashes and
// colons mean nothing) or, inside an object, by a JSON pointer with a slash in
// front (RFC 6901: "/realm_access/roles").
type Profile struct {
	// Name is how logs call the profile. Empty means "RFC 9068".
	Name string
	// Types is the values of the "typ" header that are accepted, compared as
	// media types (case-insensitively, "application/" left out); "" stands for a
	// token without "typ". Nil means "at+jwt" only (RFC 9068, section 4).
	Types []string
	// WrongIssuers is forms of issuers that are known to be wrong, as regular
	// expressions, each with the sentence that says why. The sentence is in New's
	// error if Config.Issuer has such a form, and in the log if "iss" of a token has.
	WrongIssuers map[string]string
	// Aliases is other "iss" values under which the same issuer's tokens come.
	Aliases []string
	// Audience is the claims that name whom the token is for; the first one that
	// is there, and not an empty array, is compared with Config.Audience. Nil
	// means "aud" only. With {"aud", "client_id"} a token without "aud" is for us
	// if Config.Audience lists its client.
	Audience []string
	// Scopes is the claims that hold scopes, as a string or as an array of
	// strings; what they grant is the union. Nil means "scope" as a string only
	// (RFC 9068, section 2.2.3). A claim that is there in no such form grants
	// nothing.
	Scopes []string
	// Roles is the claims that hold roles, groups or permissions: an array of
	// strings, or an object or an array of objects whose names are the roles. They
	// are kept apart from scopes, and rules ask for them by [HasRole]. Nil means
	// none.
	Roles []string
	// ClientID is the claims that may hold the client identifier; the first one
	// that is there counts. Nil means "client_id".
	ClientID []string
	// Required is the claims that a token must have, besides "iss" and "exp",
	// which it always must, and Audience. Nil means "sub", "client_id", "iat" and
	// "jti" (RFC 9068, section 2.2).
	Required []string
	// RequiredValues is claims that a token must have, with one of these strings as
	// the value.
	RequiredValues map[string][]string
	// Forbidden is claims that mark another kind of token, such as an ID token,
	// which must not pass for an access token (RFC 8725, section 3.12). Nil means
	// "at_hash", "c_hash", "nonce" and "events" where Types accepts more than
	// "at+jwt", and none where it does not: "typ" tells the tokens apart then.
	Forbidden []string
	// ForbiddenHeader is header members that mark tokens issued for another service,
	// each with the sentence that says so in the log.
	ForbiddenHeader map[string]string
	// InertConfirmation is the members of "cnf" that bind the token to nothing.
	// A token with any other "cnf" is refused.
	InertConfirmation []string
	// KeysNameIssuer says that a key with the member "issuer" verifies only tokens of
	// that issuer. In the member, "{tenantid}" stands for the token's "tid", and Entra
	// ID's issuer of version 2 for that of version 1 too.
	KeysNameIssuer bool
}

// idToken is claims of OpenID Connect Core 1.0, sections 2 and 3.3.2.11, and of
// RFC 8417, for which an access token of a machine has no use.
//
//nolint:gochecknoglobals // a constant in all but name
var idToken = []string{"at_hash", "c_hash", "nonce", "events"}

// ProfileByName returns the profile of this package that has the name, as a
// configuration file may have it. The name is that of the variable ("EntraV2") or
// [Profile.Name] ("Entra ID v2"); upper and lower case are the same, and spaces,
// hyphens and underscores do not count ("entra-v2"). "RFC 9068" and "" are the zero
// Profile. The error of an unknown name lists all names.
//
// The profile shares nothing with the variable or with what another call returns: the
// caller may change it in place.
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

// profileNames returns a name for each profile that [ProfileByName] finds, sorted: the
// names of the variables in lower case, and "rfc9068".
func profileNames() []string {
	names := []string{"rfc9068"}
	for _, row := range builtIn {
		names = append(names, profileKey(row.variable))
	}
	slices.Sort(names)
	return names
}

// profileKey brings the name of a profile into the form in which two are compared.
func profileKey(name string) string {
	return strings.ToLower(strings.NewReplacer(" ", "", "-", "", "_", "").Replace(name))
}

// Claims returns the claims of a claims set as p reads it, for a [Verifier] of another
// package and for tests: of an introspection response, say, or of the record of an API
// key. It verifies nothing and applies no [Config]. It checks that set is a JSON object
// with one reading, and the types of its claims; the caller must check everything else,
// the expiry included. [Claims.Issuer] is "iss", if there is one.
//
// The error holds an *[Error] with the reason Malformed or InvalidClaims, or Internal if p
// itself is wrong.
func (p Profile) Claims(set []byte) (*Claims, error) {
	p.WrongIssuers = nil // expensive to compile, and of no use here
	resolved, errs := p.resolve()
	if err := errors.Join(errs...); err != nil {
		return nil, &Error{Reason: Internal, Err: err}
	}
	c := new(Claims)
	if err := c.members.Read(set); err != nil {
		return nil, refuse(Malformed, "claims: %w", err)
	}
	if _, err := c.decode(resolved, nil); err != nil {
		return nil, err.out()
	}
	if err := c.readText(&claimIss, &c.issuer); err != nil {
		return nil, err.out()
	}
	return c, nil
}

// profile is a Profile with its defaults filled in and its parts parsed.
type profile struct {
	name            string
	types           []string
	notIssuer       []wrongIssuer
	aliases         []string
	audience        []claim.Path
	scopes          []claim.Path
	arrays          bool // scopes may be arrays
	roles           []claim.Path
	clientID        []claim.Path
	required        []claim.Path
	values          []claimValues
	forbidden       []claim.Path
	forbiddenHeader map[string]string
	inert           []string
	keyIssuer       bool
}

// wrongIssuer is a form of issuers, and why it is wrong.
type wrongIssuer struct {
	form *regexp.Regexp
	why  string
}

// whyNotIssuer returns what the profile knows to be wrong with an issuer, or "".
func (p *profile) whyNotIssuer(issuer string) string {
	for _, wrong := range p.notIssuer {
		if wrong.form.MatchString(issuer) {
			return wrong.why
		}
	}
	return ""
}

// claimValues is a claim and the values that it may have.
type claimValues struct {
	path   claim.Path
	values []string
}

// checkIssuer returns what the profile knows to be wrong with an issuer.
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

// resolve returns p with nothing left to a default, and all that is wrong with
// it.
func (p Profile) resolve() (*profile, []error) {
	r := &profile{
		name:            p.Name,
		types:           []string{"at+jwt"},
		aliases:         slices.Clone(p.Aliases),
		arrays:          p.Scopes != nil,
		forbiddenHeader: maps.Clone(p.ForbiddenHeader),
		inert:           slices.Clone(p.InertConfirmation),
		keyIssuer:       p.KeysNameIssuer,
	}
	if p.Name == "" {
		r.name = "RFC 9068"
	}
	var errs []error
	for _, form := range slices.Sorted(maps.Keys(p.WrongIssuers)) {
		if re, err := regexp.Compile(form); err == nil { // checkIssuer tells errors
			r.notIssuer = append(r.notIssuer, wrongIssuer{re, p.WrongIssuers[form]})
		}
	}
	if p.Types != nil {
		r.types = slices.Clone(p.Types)
		for i, typ := range r.types {
			r.types[i] = jws.MediaType(typ)
		}
	}
	if len(r.types) == 0 {
		errs = append(errs, errors.New("Config.Profile.Types: empty, so that no token could be accepted"))
	}
	var otherKinds []string
	if slices.ContainsFunc(r.types, func(typ string) bool { return typ != "at+jwt" }) {
		otherKinds = idToken
	}
	for _, list := range []struct {
		field   string
		given   []string
		unset   []string
		to      *[]claim.Path
		notNone bool
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
			names = list.unset
		}
		if list.notNone && len(names) == 0 {
			errs = append(errs, fmt.Errorf("Config.Profile.%s: empty, so that no token could be accepted", list.field))
		}
		paths, pathErrs := claim.ParsePaths("Config.Profile."+list.field, names)
		*list.to = paths
		errs = append(errs, pathErrs...)
	}
	return r, append(errs, r.parseValues(p)...)
}

func (r *profile) parseValues(p Profile) []error {
	var errs []error
	for name, values := range p.RequiredValues {
		path, err := claim.ParsePath(name)
		if err != nil || len(values) == 0 {
			errs = append(errs, fmt.Errorf("Config.Profile.RequiredValues: %q: want the name of a claim and the values it may have", name))
			continue
		}
		r.values = append(r.values, claimValues{path, slices.Clone(values)})
	}
	if slices.Contains(p.InertConfirmation, "") {
		errs = append(errs, errors.New("Config.Profile.InertConfirmation: the name of a member is empty"))
	}
	if slices.Contains(p.Aliases, "") {
		errs = append(errs, errors.New("Config.Profile.Aliases: an issuer is empty"))
	}
	return errs
}
