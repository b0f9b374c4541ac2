package bearer

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bearerkit/bearer/internal/quote"
	"github.com/bearerkit/bearer/internal/spiffe"
	"github.com/bearerkit/bearer/internal/strictjson"
	"github.com/bearerkit/bearer/jwks"
)

// A JWT-SVID is a token of a SPIFFE trust domain (the standard JWT-SVID of SPIFFE). The trust
// domain in "sub" takes the place of the issuer, because a JWT-SVID need not have "iss".

// svidAlgorithms lists the algorithms of a JWT-SVID (JWT-SVID, section 2.1).
//
//nolint:gochecknoglobals // never changed; Go has no constant lists
var svidAlgorithms = []string{"RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512"}

// algorithms returns Config.Algorithms, or the default algorithms of the profile. Nil means the
// default algorithms of package jws.
func (cfg *Config) algorithms() []string {
	if cfg.Profile.SPIFFE && cfg.Algorithms == nil {
		return svidAlgorithms
	}
	return cfg.Algorithms
}

// trustDomain returns Config.Issuer if Profile.SPIFFE is true, and "" otherwise. It also returns the
// faults of the fields that have a different meaning for JWT-SVIDs.
func (cfg *Config) trustDomain() (domain string, errs []error) {
	if !cfg.Profile.SPIFFE || cfg.Issuer == "" { // a different check reports that the issuer is missing
		return "", nil
	}
	const example = `with a profile for SPIFFE, the issuer is the trust domain, for example "spiffe://example.org"`
	if err := spiffe.CheckDomain(cfg.Issuer); err != nil {
		advice := ""
		if strings.HasPrefix(cfg.Issuer, "https://") {
			advice = "; write a URL of the keys into Config.KeyOptions.KeysURL, or a URL of the metadata into Config.KeyOptions.MetadataURL"
		}
		errs = append(errs, fmt.Errorf("Config.Issuer: %w; %s%s", err, example, advice))
	} else if cfg.Keys == nil && !locatesKeys(cfg.KeyOptions) {
		errs = append(errs, errors.New("Config.KeyOptions.KeysURL or Config.Keys: required because a SPIFFE trust domain does not name the address of its keys; "+
			"use the URL of the bundle endpoint, or of the keys of the OIDC discovery provider"))
	}
	for _, name := range cfg.Algorithms {
		if name == "EdDSA" || name == "Ed25519" {
			errs = append(errs, fmt.Errorf("Config.Algorithms: %q: a JWT-SVID must not have this algorithm (JWT-SVID, section 2.1)", name))
		}
	}
	return cfg.Issuer, errs
}

// The method domain returns the trust domain in "sub", in the form of Config.Issuer. It returns "" if
// "sub" has no trust domain, or if "iss" has a wrong type. A wrong "iss" must not reach
// checkReplicated, which does not compare it.
func (t *token) domain() string {
	c := t.claims()
	if iss := c.members.Get(claimIss); iss != "" {
		if _, ok := strictjson.String(iss); !ok {
			return ""
		}
	}
	sub, _ := strictjson.String(c.members.Get(claimSub))
	return spiffe.DomainOf(sub)
}

// checkSubject requires "sub" to be the SPIFFE ID of a workload (JWT-SVID, section 3.1). The
// verifier of the token was found by the trust domain, so checkSubject does not compare it.
func checkSubject(v *JWTVerifier, t *token) *Error {
	if !v.profile.spiffe {
		return nil
	}
	sub, ok := strictjson.String(t.claims().members.Get(claimSub))
	if !ok {
		return refuse(InvalidClaims, `"sub" is not a string (profile %s)`, v.profile.name)
	}
	if err := spiffe.Check(sub); err != nil {
		return refuse(InvalidClaims, `"sub" is %q, which is not the SPIFFE ID of a workload: %w (profile %s)`, quote.Cut(sub), err, v.profile.name)
	}
	return nil
}

// usableKeys returns the keys that may sign tokens of the profile: a key for JWT-SVIDs signs no
// other tokens. Without such keys, the result is the argument.
func (p *profile) usableKeys(keys []*jwks.Key) []*jwks.Key {
	if p.spiffe || !slices.ContainsFunc(keys, (*jwks.Key).SVID) {
		return keys
	}
	return slices.DeleteFunc(slices.Clone(keys), (*jwks.Key).SVID)
}

// unusedKeys formats the keys that usableKeys leaves out, for the refusal of a bad signature.
type unusedKeys struct {
	profile *profile
	lists   [2][]*jwks.Key
}

// String returns a text to append to the refusal. If usableKeys leaves out no key, it returns "".
func (u unusedKeys) String() string {
	for _, keys := range u.lists {
		for _, key := range keys {
			if !u.profile.spiffe && key.SVID() {
				return fmt.Sprintf(": the key %q has the use jwt-svid, so it verifies only JWT-SVIDs; to accept JWT-SVIDs, set Config.Profile to SPIFFE and Config.Issuer to the trust domain, for example spiffe://example.org", quote.Cut(key.ID()))
			}
		}
	}
	return ""
}

// isSVID reports whether the token has no "iss" and the "sub" of a JWT-SVID.
func (t *token) isSVID() bool {
	c := t.claims()
	if c.members.Get(claimIss) != "" {
		return false
	}
	sub, _ := strictjson.String(c.members.Get(claimSub))
	return spiffe.Check(sub) == nil
}

// svidText returns the probable mistake for the result of isSVID.
func svidText(svid bool) string {
	if svid {
		return "; the token has no iss, and its sub is a SPIFFE ID: to accept JWT-SVIDs, set Config.Profile to SPIFFE and Config.Issuer to the trust domain"
	}
	return ""
}

// subjectText formats "sub" for logs.
type subjectText struct{ claims *claimSet }

// String returns the "sub", cut and quoted.
func (s subjectText) String() string {
	sub, ok := strictjson.String(s.claims.members.Get(claimSub))
	if !ok {
		return "the token has no sub that is a string"
	}
	return fmt.Sprintf("sub is %q", quote.Cut(sub))
}

func (e *explainer) wantSubject() string {
	if !e.v.profile.spiffe {
		return "any"
	}
	return "sub the SPIFFE ID of a workload in " + strings.TrimPrefix(e.v.issuer, "spiffe://")
}

func (e *explainer) gotSubject() string { return subjectText{e.t.claims()}.String() }
