package bearer

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/bearerkit/bearer/internal/claim"
	"github.com/bearerkit/bearer/internal/quote"
	"github.com/bearerkit/bearer/internal/strictjson"
	"github.com/bearerkit/bearer/scopes"
)

// The functions in this file explain, for logs, why a token does not grant a scope or a role.

// explainMissing adds a text to the error of a missing scope. The text lists the scopes of
// the token, and the parts of its claims that grant no scopes. If the token has no scopes, the
// text names a claim that may hold scopes but that the profile does not read. If there is no
// such claim, the text says whether the profile reads no scopes at all, and whether the token has
// roles.
//
// Like a detail, the result formats its text only when a caller reads it. A refusal is often not
// logged, and the claims can be long.
func (c *claimSet) explainMissing(err error) error { return &missingScopesError{err, c} }

// missingScopesError is the result of explainMissing.
type missingScopesError struct {
	error

	claims *claimSet
}

func (m *missingScopesError) Unwrap() error { return m.error }

// Error formats the text.
func (m *missingScopesError) Error() string { return m.error.Error() + m.claims.missingText(m.error) }

// missingText returns the text that explainMissing adds to err.
func (c *claimSet) missingText(err error) string {
	ignored := c.ignoredScopes()
	switch {
	case c.scopes.Len() > 0:
		return fmt.Sprintf("; the token grants %q%s%s", quote.CutAll(slices.Collect(c.scopes.All())), ignored, c.wildcardHint(err))
	case ignored != "":
		return ignored + c.hints(c.ownProfile().scopes)
	}
	for _, name := range []string{"scope", "scp", "scopes"} {
		if v, ok := c.value(name); ok && len(v) > len(`""`) && string(v) != "null" && !c.readsScopesOf(name) {
			return fmt.Sprintf("; the token has the claim %q, but the profile finds no scopes in it: see Config.Profile.Scopes", name)
		}
	}
	if c.verifier != nil && len(c.verifier.profile.scopes) == 0 {
		return "; " + c.verifier.profile.noScopesText()
	}
	if len(c.roles) > 0 {
		return "; the token has roles, which are not scopes: to require a role, use HasRole" + c.hints(c.ownProfile().scopes)
	}
	return "; the token grants no scopes" + c.hints(c.ownProfile().scopes)
}

// wildcardHint explains that a scope of the token can be a wildcard, if the scopes are
// sufficient for a missing scope with Profile.WildcardScopes. Otherwise it returns "".
func (c *claimSet) wildcardHint(err error) string {
	denied, ok := errors.AsType[*scopes.DeniedError](err)
	if !ok || c.verifier == nil || c.verifier.profile.wildcardScopes {
		return ""
	}
	if !slices.ContainsFunc(denied.Missing, c.scopes.WithWildcards().Has) {
		return ""
	}
	return `; some issuers use a scope that ends with "*" as a wildcard: see Config.Profile.WildcardScopes`
}

// readsScopesOf reports whether the profile reads the scopes of a top-level claim.
func (c *claimSet) readsScopesOf(name string) bool {
	return c.verifier != nil && includesClaim(c.verifier.profile.scopes, name)
}

// noScopesText explains that p reads no scopes.
func (p *profile) noScopesText() string {
	instead := "to require a claim or a client, use ClaimEquals or ClientIs"
	if len(p.roles) > 0 {
		instead = "to require a role, use HasRole"
	}
	return fmt.Sprintf("profile %s reads no scopes, so a rule with scopes refuses every token: %s. If the tokens have scopes, name their claim in Config.Profile.Scopes", p.name, instead)
}

// warnForbidden logs a warning if a name in Profile.Forbidden probably means a member of an object.
// Unlike in every other list, such a mistake refuses nothing, so no refusal can point to it. The
// name of a top-level claim, written as a JSON pointer with one element, causes no warning.
func (p *profile) warnForbidden(cfg *Config) {
	if hints := claim.Hints(p.forbidden, new(strictjson.Record)); hints != "" {
		cfg.warn("bearer: a name in Profile.Forbidden probably means a member of an object", slog.String("issuer", cfg.Issuer),
			slog.String("profile", p.name), slog.String("help", strings.TrimLeft(hints, "; ")))
	}
}

// warnNoScopes logs a warning if p reads roles and no scopes. In such a configuration, a rule with
// scopes is a frequent mistake. A profile without roles and scopes gets no warning, because the
// tokens of its issuer have neither.
func (p *profile) warnNoScopes(cfg *Config) {
	if len(p.scopes) == 0 && len(p.roles) > 0 {
		cfg.warn("bearer: the profile reads roles and no scopes", slog.String("issuer", cfg.Issuer), slog.String("profile", p.name),
			slog.String("help", p.noScopesText()))
	}
}

// ignoredScopes returns a text about the claims of the profile that do not have the form of
// scopes. It returns "" if there are no such claims.
func (c *claimSet) ignoredScopes() (text string) {
	if c.verifier == nil {
		return "" // the profile is unknown
	}
	p := c.verifier.profile
	for _, path := range p.scopes {
		v := path.In(&c.members)
		if s, ok := strictjson.String(v); ok {
			if i := strings.IndexFunc(s, func(r rune) bool { return r != ' ' && isNoScopeChar(r) }); i >= 0 {
				wrong, _ := utf8.DecodeRuneInString(s[i:])
				text += fmt.Sprintf("; the claim %q grants no scopes, because it contains %q; separate the scopes with spaces (RFC 6749, section 3.3)", path, wrong)
			}
			continue
		}
		switch {
		case v == "" || v == "null":
		case v[0] != '[':
			text += fmt.Sprintf("; the claim %q is %s; the scopes must be a string or an array of strings", path, formatClaim(v))
		case !p.arrays:
			text += fmt.Sprintf("; the claim %q is an array, but this profile accepts only a string: to accept both, name the claim in Config.Profile.Scopes", path)
		default:
			text += ignoredScopeElements(path, v)
		}
	}
	return text
}

// ignoredScopeElements returns a text about the elements of an array that are not scopes. It does
// not mention empty strings, because several issuers write them for a token without scopes.
func ignoredScopeElements(path claim.Path, array string) string {
	var list shortList
	for element := range strictjson.Elements(array) {
		if name, ok := strictjson.String(element); !ok || name != "" && !isScope(name) {
			list.add(func() string { return formatClaim(element) })
		}
	}
	return list.text(path, "element", "an element grants a scope only if it is a string that is one scope")
}

// rolesText formats, for the refusal of a rule, why the claims do not grant the role wanted. It
// formats nothing until a caller reads the text, because a rule can ask for many roles.
type rolesText struct {
	claims *claimSet
	wanted string
}

// String returns a text to append to the refusal.
func (r rolesText) String() string {
	text := r.claims.ignoredRoles(r.wanted)
	if len(r.claims.roles) == 0 {
		text += r.claims.hints(r.claims.ownProfile().roles)
	}
	return text
}

// ignoredRoles returns a text about the claims of the profile that do not have the form of
// roles. It returns "" if there are no such claims. If a claim has a member with the name wanted,
// the text about this claim contains only this member. If wanted is "", the text contains the
// first members.
func (c *claimSet) ignoredRoles(wanted string) (text string) {
	if c.verifier == nil {
		return "" // the profile is unknown
	}
	for _, path := range c.verifier.profile.roles {
		v := path.In(&c.members)
		if v == "" || v == "null" || v[0] == '"' {
			continue
		}
		var elements, members shortList
		for element := range strictjson.Elements(v) {
			if role, _ := strictjson.String(element); role == "" {
				elements.add(func() string { return formatClaim(element) })
			}
		}
		if value := strictjson.Find(v, wanted); value != "" && wanted != "" {
			members.add(func() string { return memberText(wanted, value) }) // the caller does not have this role, so the value does not grant it
		} else {
			for role, value := range strictjson.Members(v) {
				if role == "" || !grantsRole(value) {
					members.add(func() string { return memberText(role, value) })
				}
			}
		}
		if v[0] != '[' && v[0] != '{' {
			text += fmt.Sprintf("; the claim %q is %s; the roles must be a string, an array of strings or an object", path, formatClaim(v))
		}
		text += elements.text(path, "element", "an element is a role only if it is a non-empty string") +
			members.text(path, "member", "a member is a role only if its value is true, or a non-empty object of strings")
	}
	return text
}

// memberText formats a member of an object.
func memberText(name, value string) string {
	return fmt.Sprintf("%q with the value %s", quote.Cut(name), formatClaim(value))
}

// shortList holds the texts of the first entries of a list, and counts the others.
type shortList struct {
	texts []string
	more  int
}

// The method add adds an entry. The function format returns its text.
func (l *shortList) add(format func() string) {
	if len(l.texts) == quote.MaxList {
		l.more++
		return
	}
	l.texts = append(l.texts, format())
}

// The method text returns a text about the entries, which are in the claim path. The argument
// entry says what an entry is, and rule says which entries count. If the list is empty, the
// result is "".
func (l *shortList) text(path claim.Path, entry, rule string) string {
	if len(l.texts) == 0 {
		return ""
	}
	names := strings.Join(l.texts, ", ")
	if l.more > 0 {
		names += fmt.Sprintf(" and %d more", l.more)
	}
	if len(l.texts) > 1 {
		entry += "s"
	}
	return fmt.Sprintf("; the claim %q has the %s %s; %s", path, entry, names, rule)
}
