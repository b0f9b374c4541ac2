package bearer_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/scopes"
)

// grantsDecider returns a function that decides about a token with these claims. The verifier reads
// the roles of two claims, and the scopes of the claims "scope" and "scp".
func grantsDecider(t *testing.T) func(claims members, rule scopes.Rule) error {
	t.Helper()
	issuer := newIssuer(t, "EdDSA")
	v := newVerifier(t, issuer, func(cfg *bearer.Config) {
		cfg.Profile = bearer.Profile{Name: "own", Scopes: []string{"scope", "scp"}, Roles: []string{"roles", "/nested/roles"}}
	})
	return func(claims members, rule scopes.Rule) error {
		_, err := bearer.Decide(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + issuer.Token(claims)}, Rule: rule})
		return err
	}
}

// TestRoleHints tests HasRole("admin") with roles of many forms. If the role is refused, the
// error must contain the text want.
func TestRoleHints(t *testing.T) {
	decide := grantsDecider(t)
	const (
		object  = `; a member is a role only if its value is true, or a non-empty object of strings`
		element = `; an element is a role only if it is a non-empty string`
		claim   = `; the roles must be a string, an array of strings or an object`
	)
	for _, row := range []struct {
		roles string
		want  string // "" means that the role is granted
	}{
		{`{"user":true,"admin":true}`, ""},
		{`{"admin":{"328859038232151180":"acme.zitadel.cloud"}}`, ""},
		{`{"user":true,"admin":false}`, `role "admin": the token has the roles ["user"]; the claim "roles" has the member "admin" with the value false` + object},
		{`{"admin":null}`, `the claim "roles" has the member "admin" with the value null` + object},
		{`{"admin":0}`, `with the value 0` + object},
		{`{"admin":1}`, `with the value 1` + object},
		{`{"admin":"false"}`, `with the value "false"` + object},
		{`{"admin":"true"}`, `with the value "true"` + object},
		{`{"admin":""}`, `with the value ""` + object},
		{`{"admin":{}}`, `with the value {}` + object},
		{`{"admin":[]}`, `with the value []` + object},
		{`{"admin":["a"]}`, `with the value ["a"]` + object},
		{`{"admin":{"a":true}}`, `with the value {"a":true}` + object},
		{`{"admin":{"a":"b","c":null}}`, `with the value {"a":"b","c":null}` + object},
		{`{"a":false,"b":false,"c":false,"d":false,"e":false,"admin":false}`, `has the member "admin" with the value false` + object},
		{`{"a":1,"b":2,"c":3,"d":4,"e":5,"":true}`, `has the members "a" with the value 1, "b" with the value 2, "c" with the value 3, "d" with the value 4 and 2 more` + object},
		{`"admin"`, ""},
		{`"\u0061dmin"`, ""},
		{`"user admin"`, `the token has the roles ["user admin"]`},
		{`["user","admin"]`, ""},
		{`["user",null,"admin"]`, ""},
		{`[1,"admin",{"admin":false},["x"],true,""]`, ""},
		{`["user",null]`, `the token has the roles ["user"]; the claim "roles" has the element null` + element},
		{`[{"name":"user","admin":false}]`, `has the element {"name":"user","admin":false}` + element},
		{`[{"admin":true}]`, `has the element {"admin":true}` + element},
		{`[{"admin":{"a":"b"}}]`, `has the element {"admin":{"a":"b"}}` + element},
		{`[["admin"]]`, `has the element ["admin"]` + element},
		{`[null,1,true,"",{}]`, `has the elements null, 1, true, "" and 1 more` + element},
		{`true`, `the claim "roles" is true` + claim},
		{`7`, `the claim "roles" is 7` + claim},
		{`null`, `the token has no roles in the claims that Config.Profile.Roles names`},
		{`""`, `the token has no roles in the claims that Config.Profile.Roles names`},
		{`[]`, `the token has no roles in the claims that Config.Profile.Roles names`},
		{`{}`, `the token has no roles in the claims that Config.Profile.Roles names`},
	} {
		err := decide(members{"roles": raw(row.roles)}, bearer.HasRole("admin"))
		switch {
		case row.want == "" && err != nil:
			t.Errorf("roles %s: got error %v, want none", row.roles, err)
		case row.want != "" && reasonOf(t, err) != bearer.MissingScope:
			t.Errorf("roles %s: got error %v, want reason %q", row.roles, err, bearer.MissingScope)
		case row.want != "" && !strings.HasSuffix(err.Error(), row.want):
			t.Errorf("roles %s: got error\n%v\nwant the end\n%s", row.roles, err, row.want)
		}
	}
	err := decide(members{"roles": raw(`{"a":0}`), "nested": raw(`{"roles":[1]}`)}, bearer.HasRole("admin"))
	testkit.WantError(t, "two claims", err, `the claim "roles" has the member "a" with the value 0`, `the claim "/nested/roles" has the element 1`)
}

// TestScopeHints tests All("read") with scopes of many forms. If the scope is missing, the error
// must end in the text want.
func TestScopeHints(t *testing.T) {
	decide := grantsDecider(t)
	const element = `; an element grants a scope only if it is a string that is one scope`
	for _, row := range []struct {
		scope string
		want  string // "" means that the scope is granted
	}{
		{`"read"`, ""},
		{`"a   read"`, ""},
		{`"  read  "`, ""},
		{`["a","read",""]`, ""},
		{`["read",null,1,{},["a"],"a b","é","\t"]`, ""},
		{`"a\tread"`, `; the claim "scope" grants no scopes, because it contains '\t'; separate the scopes with spaces (RFC 6749, section 3.3)`},
		{`"read é"`, `; the claim "scope" grants no scopes, because it contains 'é'; separate the scopes with spaces (RFC 6749, section 3.3)`},
		{`"\"read\""`, `; the claim "scope" grants no scopes, because it contains '"'; separate the scopes with spaces (RFC 6749, section 3.3)`},
		{`["a read"]`, `; the claim "scope" has the element "a read"` + element},
		{`["b","a read",1]`, `the token grants ["b"]; the claim "scope" has the elements "a read", 1` + element},
		{`["read\t"]`, `; the claim "scope" has the element "read\t"` + element},
		{`[["read"]]`, `; the claim "scope" has the element ["read"]` + element},
		{`{"read":true}`, `; the claim "scope" is {"read":true}; the scopes must be a string or an array of strings`},
		{`true`, `; the claim "scope" is true; the scopes must be a string or an array of strings`},
		{`null`, `; the token grants no scopes`},
		{`""`, `; the token grants no scopes`},
		{`"  "`, `; the token grants no scopes`},
		{`[]`, `; the token grants no scopes`},
		{`["",""]`, `; the token grants no scopes`},
	} {
		err := decide(members{"scope": raw(row.scope)}, scopes.All("read"))
		switch {
		case row.want == "" && err != nil:
			t.Errorf("scope %s: got error %v, want none", row.scope, err)
		case row.want != "" && reasonOf(t, err) != bearer.MissingScope:
			t.Errorf("scope %s: got error %v, want reason %q", row.scope, err, bearer.MissingScope)
		case row.want != "" && !strings.HasSuffix(err.Error(), row.want):
			t.Errorf("scope %s: got error\n%v\nwant the end\n%s", row.scope, err, row.want)
		}
	}
}

// grantsModel returns the scopes and the roles that a claims set grants. It is slow and simple,
// and uses encoding/json.
func grantsModel(set string, arrays bool) (granted, roles []string) {
	var claims map[string]any
	dec := json.NewDecoder(strings.NewReader(set))
	if err := dec.Decode(&claims); err != nil {
		panic(err)
	}
	isScope := func(text string) bool {
		return text != "" && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '"' || r == '\\' })
	}
	switch v := claims["scope"].(type) {
	case string:
		for part := range strings.SplitSeq(v, " ") {
			if part != "" && !isScope(part) {
				granted = nil
				break
			}
			if part != "" {
				granted = append(granted, part)
			}
		}
	case []any:
		for _, element := range v {
			if text, ok := element.(string); ok && arrays && isScope(text) {
				granted = append(granted, text)
			}
		}
	}
	switch v := claims["roles"].(type) {
	case string:
		roles = append(roles, v)
	case []any:
		for _, element := range v {
			if text, ok := element.(string); ok {
				roles = append(roles, text)
			}
		}
	case map[string]any:
		for name, value := range v {
			object, isObject := value.(map[string]any)
			texts := 0
			for _, inner := range object {
				if _, ok := inner.(string); ok {
					texts++
				}
			}
			if value == true || isObject && texts > 0 && texts == len(object) {
				roles = append(roles, name)
			}
		}
	}
	roles = slices.DeleteFunc(roles, func(role string) bool { return role == "" })
	return granted, roles
}

// randomClaim returns a random JSON value, which often has the form of scopes or roles.
func randomClaim(random *rand.Rand, depth int) string {
	pick := func(values ...string) string { return values[random.IntN(len(values))] }
	text := func() string {
		return pick(`"a"`, `"b"`, `"b"`, `"b"`, `"b"`, `"b"`, `"\u0062"`, `"c b"`, `"c"`, `"\u0061"`, `""`, `"a b"`, `" a"`, `"b  c"`, `"c "`, `"a\tb"`, `"é"`, `"\""`, `"A"`, `" "`, `"a\u0020b"`, `"true"`)
	}
	switch n := random.IntN(8); {
	case n < 2 || depth == 0:
		return text()
	case n < 3:
		return pick("null", "true", "true", "false", "0", "1", "-2.5e3", "[]", "{}")
	case n < 5:
		var elements []string
		for range random.IntN(4) {
			elements = append(elements, pick(text(), text(), randomClaim(random, depth-1)))
		}
		return "[" + strings.Join(elements, pick(",", " , ")) + "]"
	default:
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(map[string]bool{text(): true, text(): true, text(): true})) {
			if name == `"a"` || name == `"a b"` || name == `"\u0062"` { // other spellings of these names are in the list
				continue
			}
			parts = append(parts, name+pick(":", " : ")+pick("true", "true", `{"x":"y"}`, `{"x":"y","z":null}`, randomClaim(random, depth-1)))
		}
		return "{" + strings.Join(parts, ",") + "}"
	}
}

// TestGrants compares the scopes and the roles of random claims with grantsModel. It also
// compares the verdict of a rule with a scope and of a rule with a role.
func TestGrants(t *testing.T) {
	random := rand.New(rand.NewPCG(20, 1)) //nolint:gosec // a test with the same values in each run
	arrays := bearer.Profile{Scopes: []string{"scope"}, Roles: []string{"roles"}}
	text := bearer.Profile{Roles: []string{"roles"}}
	counts := map[string]int{}
	for i := range 20_000 {
		set := fmt.Sprintf(`{"scope":%s,"roles":%s}`, randomClaim(random, 2), randomClaim(random, 3))
		profile := []bearer.Profile{arrays, text}[i%2]
		claims, err := profile.Claims([]byte(set))
		if err != nil {
			t.Fatalf("%s: %v", set, err)
		}
		granted, roles := grantsModel(set, i%2 == 0)
		got, gotRoles := slices.Sorted(claims.Scopes().All()), slices.Sorted(slices.Values(claims.Roles()))
		want, wantRoles := slices.Compact(slices.Sorted(slices.Values(granted))), slices.Sorted(slices.Values(roles))
		if !slices.Equal(got, want) || !slices.Equal(gotRoles, wantRoles) {
			t.Fatalf("%s: got scopes %q and roles %q, want scopes %q and roles %q", set, got, gotRoles, want, wantRoles)
		}
		ctx := bearer.NewContext(t.Context(), claims)
		for name, rule := range map[string]struct {
			rule scopes.Rule
			want bool
		}{
			"scope":  {scopes.All("b"), slices.Contains(granted, "b")},
			"role":   {bearer.HasRole("b"), slices.Contains(roles, "b")},
			"member": {bearer.ClaimIncludes("roles", "b"), includesModel(set, "b")},
		} {
			allowed := rule.rule.Allow(ctx, claims.Scopes()) == nil
			if allowed != rule.want {
				t.Fatalf("%s: %v: got allowed = %v, want %v", set, rule.rule, allowed, rule.want)
			}
			counts[fmt.Sprint(name, allowed)]++
		}
	}
	for _, name := range []string{"scopetrue", "scopefalse", "roletrue", "rolefalse", "membertrue", "memberfalse"} {
		if counts[name] < 2000 {
			t.Errorf("got the counts %v, want at least 2000 of each", counts)
		}
	}
}

// includesModel reports whether the claim "roles" is the text, or an array that contains it.
func includesModel(set, text string) bool {
	var claims map[string]any
	if err := json.Unmarshal([]byte(set), &claims); err != nil {
		panic(err)
	}
	list, _ := claims["roles"].([]any)
	return claims["roles"] == text || slices.ContainsFunc(list, func(element any) bool { return element == text })
}

// TestNoScopesWarning requires one warning of New for a profile that reads roles and no scopes.
// The refusal by a rule with scopes gives the same advice.
func TestNoScopesWarning(t *testing.T) {
	issuer := newIssuer(t, "EdDSA")
	changed := bearer.Zitadel
	changed.Scopes = []string{"scope"}
	for _, row := range []struct {
		name    string
		profile bearer.Profile
		warned  bool
		hint    string // in the refusal of a token without scopes
	}{
		{"Zitadel", bearer.Zitadel, true, "; profile Zitadel reads no scopes, so a rule with scopes refuses every token: to require a role, use HasRole. If"},
		{"own profile", bearer.Profile{Name: "own", Scopes: []string{}, Roles: []string{"r"}}, true, "; profile own reads no scopes"},
		{"Zitadel with scopes", changed, false, "; the token grants no scopes"},
		{"no scopes and no roles", bearer.Profile{Name: "own", Scopes: []string{}}, false, "every token: to require a claim or a client, use ClaimEquals or ClientIs. If the tokens have scopes, name their claim in Config.Profile.Scopes"},
		{"zero profile", bearer.Profile{}, false, "; the token grants no scopes"},
		{"roles", bearer.Profile{Roles: []string{"r"}}, false, "; the token grants no scopes"},
	} {
		var out testkit.Buffer
		cfg := testkit.Config(t, issuer)
		cfg.Profile, cfg.Logger = row.profile, slog.New(slog.NewJSONHandler(&out, nil))
		cfg.Profile.Types = []string{"at+jwt"}
		v, err := bearer.New(cfg)
		if err != nil {
			t.Fatalf("%s: %v", row.name, err)
		}
		t.Cleanup(func() { _ = v.Close() })
		var record struct{ Level, Msg, Issuer, Profile, Help string }
		if !row.warned && out.String() != "" {
			t.Errorf("%s: got record %s, want none", row.name, out.String())
		}
		if row.warned {
			if err := json.Unmarshal([]byte(out.String()), &record); err != nil { // fails for two records
				t.Fatalf("%s: got records %q and error %v, want one record", row.name, out.String(), err)
			}
			if record.Level != "WARN" || record.Issuer != cfg.Issuer || record.Profile != row.profile.Name || !strings.Contains(record.Help, "HasRole") {
				t.Errorf("%s: got record %s, want a warning with the issuer, the profile and HasRole", row.name, out.String())
			}
		}
		_, err = bearer.Decide(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + issuer.Token(nil)}, Rule: scopes.All("read")})
		if reasonOf(t, err) != bearer.MissingScope || !strings.Contains(err.Error(), row.hint) {
			t.Errorf("%s: got error %v, want reason %q and the hint %s", row.name, err, bearer.MissingScope, row.hint)
		}
	}
	var out testkit.Buffer
	_, err := bearer.New(bearer.Config{Issuer: "https://a.example", Profile: bearer.Zitadel, Logger: slog.New(slog.NewTextHandler(&out, nil))})
	if err == nil || out.String() != "" {
		t.Errorf("invalid configuration: got error %v and records %q, want an error and no record", err, out.String())
	}
}

// TestRefusalsFormatNothing requires that a refusal because of a role or a scope formats no text
// until a caller reads it: long claims cause no more allocations than short ones. Only one of many
// refusals is logged, and an alternative of a rule can still allow the request.
func TestRefusalsFormatNothing(t *testing.T) {
	if testkit.RaceEnabled {
		t.Skip("the race detector allocates memory too")
	}
	issuer := newIssuer(t, "EdDSA")
	v := newVerifier(t, issuer, func(cfg *bearer.Config) {
		cfg.Profile.Roles, cfg.Profile.Scopes = []string{"roles"}, []string{"scope"}
		cfg.Logger = slog.New(slog.DiscardHandler)
	})
	allocs := func(roles, scope any, rule scopes.Rule) float64 {
		req := bearer.Request{Authorization: []string{"Bearer " + issuer.Token(members{"roles": roles, "scope": scope})}, Rule: rule}
		return testing.AllocsPerRun(50, func() {
			if _, err := bearer.Decide(t.Context(), v, req); reasonOf(t, err) != bearer.MissingScope {
				t.Fatalf("got error %v, want reason %q", err, bearer.MissingScope)
			}
		})
	}
	long, longScopes := make([]int, 2000), strings.TrimSpace(strings.Repeat("s:* ", 1000))
	for name, rule := range map[string]scopes.Rule{"role": bearer.HasRole("admin"), "scope": scopes.All("read")} {
		if got, want := allocs(long, longScopes, rule), allocs([]int{0}, "s:*", rule); got > want {
			t.Errorf("%s: got %v allocations with long claims, want at most %v", name, got, want)
		}
	}
}
