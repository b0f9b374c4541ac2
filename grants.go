package bearer

import (
	"slices"
	"strings"

	"github.com/bearerkit/bearer/internal/claim"
	"github.com/bearerkit/bearer/internal/sizeof"
	"github.com/bearerkit/bearer/internal/strictjson"
	"github.com/bearerkit/bearer/scopes"
)

// decodeGrants sets the scopes and the roles. No claim has a wrong type for it: a claim of
// the wrong form grants nothing. So the verifier calls decodeGrants only after it verified
// the signature, because the work and the memory are larger than for the other claims.
func (c *claimSet) decodeGrants(p *profile, hierarchy scopes.Hierarchy) {
	c.scopes = scopes.Set{}
	for _, path := range p.scopes {
		if v := path.In(&c.members); v != "" {
			c.scopes = c.scopes.Union(scopesIn(v, p.arrays))
		}
	}
	if p.wildcardScopes {
		c.scopes = c.scopes.WithWildcards()
	}
	if len(hierarchy) > 0 {
		c.scopes = hierarchy.Expand(c.scopes)
	}
	c.roles = nil
	for _, path := range p.roles {
		if v := path.In(&c.members); v != "" {
			c.roles = slices.Concat(c.roles, rolesIn(v)) // in contrast to append, Concat allocates no unused elements
		}
	}
}

// scopesIn returns the scopes in one claim. If the claim does not have the form
// of RFC 6749, section 3.3, it grants no scopes, but the token stays valid. In an array, each
// element is one scope. An element that is anything else grants nothing, and does not change
// what the other elements grant.
func scopesIn(v string, arrays bool) scopes.Set {
	if text, ok := strictjson.String(v); ok {
		set, _ := scopes.Parse(text) // if Parse returns an error, the set is empty
		return set
	}
	if !arrays {
		return scopes.Set{}
	}
	var buf [16]string // can stay on the stack, because scopes.Of copies the names
	names := buf[:0]
	for element := range strictjson.Elements(v) {
		if name, _ := strictjson.String(element); isScope(name) {
			names = append(names, name)
		}
	}
	set, _ := scopes.Of(names...)
	return set
}

// isScope reports whether name is a scope-token of RFC 6749, section 3.3.
func isScope(name string) bool { return name != "" && strings.IndexFunc(name, isNoScopeChar) < 0 }

// isNoScopeChar reports whether a scope-token must not contain the character.
func isNoScopeChar(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }

// rolesIn returns the roles in one claim. The claim is one role, an array of roles, or an object
// whose member names are the roles. Every other value grants no role, and does not change what
// the values beside it grant. An empty text is not a role.
func rolesIn(v string) (roles []string) {
	if role, _ := strictjson.String(v); role != "" {
		return []string{role}
	}
	for element := range strictjson.Elements(v) {
		if role, _ := strictjson.String(element); role != "" {
			roles = append(roles, role)
		}
	}
	for role, value := range strictjson.Members(v) {
		if role != "" && grantsRole(value) {
			roles = append(roles, role)
		}
	}
	return roles
}

// grantsRole reports whether the value of a member grants the role that the member names. The
// value is true, or an object of strings. Zitadel's object has the organizations that grant the
// role. Values such as false, 0, "false" and {} say that the caller does not have the role.
func grantsRole(value string) bool {
	if value == "true" {
		return true
	}
	granted := false
	for _, text := range strictjson.Members(value) {
		if text[0] != '"' {
			return false
		}
		granted = true
	}
	return granted
}

// grantsMemory returns the memory of the decoded texts of n scopes or roles in these claims.
// The texts can share one decoded string, which is no longer than the claim.
func (c *claimSet) grantsMemory(paths []claim.Path, n int) (bytes int) {
	for _, path := range paths {
		if v := path.In(&c.members); strings.IndexByte(v, '\\') >= 0 {
			bytes += sizeof.Alloc(len(v)) + n*sizeof.Text(1)
		}
	}
	return bytes
}
