package bearer

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Profile is what an issuer's access tokens look like where they differ from
// RFC 9068. It is data: each field that is nil has the rule of RFC 9068, so that
// the zero Profile is RFC 9068 strictly. Configurations copy it.
type Profile struct {
	// Name is how logs call the profile. Empty means "RFC 9068".
	Name string
	// Types is the values of the "typ" header that are accepted, compared as
	// media types (case-insensitively, "application/" left out); "" stands for a
	// token without "typ". Nil means "at+jwt" only (RFC 9068, section 4).
	Types []string
	// Scopes is the claims that hold scopes, as a string or as an array of
	// strings; what they grant is the union. Nil means "scope" as a string only
	// (RFC 9068, section 2.2.3). A claim that is there in no such form grants
	// nothing.
	Scopes []string
	// ClientID is the claims that may hold the client identifier; the first
	// that is there counts. Nil means "client_id".
	ClientID []string
	// Required is the claims that a token must have, besides "iss" and "exp",
	// which it always must. Nil means "aud", "sub", "client_id", "iat" and "jti"
	// (RFC 9068, section 2.2).
	Required []string
	// InertConfirmation is the members of "cnf" that bind the token to nothing.
	// A token with any other "cnf" is refused. Nil means there are none.
	InertConfirmation []string
}

// Scalekit is the access tokens of Scalekit's machine-to-machine clients: typ
// "JWT", scopes in an array as well as in a string, and custom claims as one
// object "custom_claims".
var Scalekit = Profile{
	Name:     "Scalekit",
	Types:    []string{"JWT", "at+jwt"},
	Scopes:   []string{"scopes", "scope"},
	ClientID: []string{"client_id"},
	Required: []string{"sub", "client_id", "iat", "jti"},
}

// resolve returns a copy of p in which nothing is left to a default, and all
// that is wrong with p.
func (p Profile) resolve() (profile, []error) {
	var errs []error
	r := profile{
		name:     p.Name,
		types:    slices.Clone(p.Types),
		scopes:   slices.Clone(p.Scopes),
		arrays:   p.Scopes != nil,
		clientID: slices.Clone(p.ClientID),
		required: slices.Clone(p.Required),
		inert:    slices.Clone(p.InertConfirmation),
	}
	if p.Name == "" {
		r.name = "RFC 9068"
	}
	if p.Types == nil {
		r.types = []string{"at+jwt"}
	}
	if p.Scopes == nil {
		r.scopes = []string{"scope"}
	}
	if p.ClientID == nil {
		r.clientID = []string{"client_id"}
	}
	if p.Required == nil {
		r.required = []string{"aud", "sub", "client_id", "iat", "jti"}
	}
	for i, typ := range r.types {
		r.types[i] = mediaType(typ)
	}
	if len(r.types) == 0 {
		errs = append(errs, errors.New("Config.Profile.Types: empty, so that no token could be accepted"))
	}
	for _, list := range []struct {
		field string
		names []string
	}{
		{"Scopes", r.scopes}, {"ClientID", r.clientID}, {"Required", r.required}, {"InertConfirmation", r.inert},
	} {
		if slices.Contains(list.names, "") {
			errs = append(errs, fmt.Errorf("Config.Profile.%s: the name of a claim is empty", list.field))
		}
	}
	return r, errs
}

// profile is a Profile with its defaults filled in.
type profile struct {
	name     string
	types    []string
	scopes   []string
	arrays   bool // scopes may be arrays
	clientID []string
	required []string
	inert    []string
}

// mediaType brings a "typ" into the form in which two of them can be compared
// (RFC 7515, section 4.1.9; RFC 2045, section 5.1).
func mediaType(typ string) string {
	typ = strings.ToLower(typ)
	if rest, ok := strings.CutPrefix(typ, "application/"); ok && !strings.Contains(rest, "/") {
		return rest
	}
	return typ
}
