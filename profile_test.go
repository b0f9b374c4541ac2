package bearer_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/scopes"
)

// profileNamed returns the profile with this name.
func profileNamed(t *testing.T, name string) bearer.Profile {
	t.Helper()
	p, err := bearer.ProfileByName(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// builtIn returns all profiles of the package by name, including the zero Profile.
func builtIn(t *testing.T) map[string]bearer.Profile {
	t.Helper()
	all := map[string]bearer.Profile{}
	for _, name := range bearer.ProfileNames() {
		all[name] = profileNamed(t, name)
	}
	return all
}

// TestProfileByName looks up profiles by different spellings of their names.
func TestProfileByName(t *testing.T) {
	for _, row := range []struct {
		name string
		want bearer.Profile
	}{
		{"", bearer.Profile{}},
		{"RFC 9068", bearer.Profile{}},
		{"rfc9068", bearer.Profile{}},
		{"Scalekit", bearer.Scalekit},
		{"SCALEKIT", bearer.Scalekit},
		{"EntraV2", bearer.EntraV2},
		{"entra-v2", bearer.EntraV2},
		{"Entra ID v2", bearer.EntraV2},
		{"entra_id_v1", bearer.EntraV1},
		{"hydra", bearer.Hydra},
		{"Ory Hydra", bearer.Hydra},
		{"AD FS", bearer.ADFS},
		{"oracle-idcs", bearer.OracleIDCS},
		{"plain_jwt", bearer.PlainJWT},
	} {
		if got := profileNamed(t, row.name); !reflect.DeepEqual(got, row.want) {
			t.Errorf("%q: got profile %q, want %q", row.name, got.Name, row.want.Name)
		}
	}
	names := bearer.ProfileNames()
	// Each profile has a name in ProfileNames and a name in the field Name. ProfileByName must
	// find the profile by both names, so no two profiles may share a name.
	for name, p := range builtIn(t) {
		if got := profileNamed(t, p.Name); !reflect.DeepEqual(got, p) || (p.Name == "") != (name == "rfc9068") {
			t.Errorf("%s: got profile %q by the name %q, want the same profile", name, got.Name, p.Name)
		}
	}
	for _, name := range []string{"unknown", "-", "Auth0.", "Auth\u00d8"} {
		_, err := bearer.ProfileByName(name)
		if want := fmt.Sprintf("no profile %q: want one of %s", name, strings.Join(names, ", ")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got error %v, want %q in the text", name, err, want)
		}
	}
}

// TestProfileByNameSharesNothing changes a profile that ProfileByName returned. The change
// must not affect the variable of the package, and must not affect later calls.
func TestProfileByNameSharesNothing(t *testing.T) {
	unchanged := profileNamed(t, "keycloak")
	changed := profileNamed(t, "keycloak")
	changed.Roles[0] = "x"
	changed.RequiredValues["typ"][0] = "x"
	changed.RequiredValues["x"] = []string{"x"}
	for name, p := range map[string]bearer.Profile{"variable Keycloak": bearer.Keycloak, "later call": profileNamed(t, "keycloak")} {
		if !reflect.DeepEqual(p, unchanged) {
			t.Errorf("%s: got profile %+v after the change, want %+v", name, p, unchanged)
		}
	}
}

func TestProfileErrors(t *testing.T) {
	keys := &jwks.Set{}
	_, err := bearer.New(bearer.Config{
		Issuer: "https://issuer.example", Audience: []string{"a"}, Keys: keys,
		Profile: bearer.Profile{
			Types: []string{}, Audience: []string{}, Scopes: []string{"/"}, Roles: []string{"/a//b"}, ClientID: []string{"/a~2"},
			Required: []string{""}, RequiredValues: map[string][]string{"x": nil}, WrongIssuers: map[string]string{"(": ""},
			InertConfirmation: []string{""}, Aliases: []string{""},
		},
	})
	if err == nil {
		t.Fatal("got no error, want one")
	}
	for _, want := range []string{"Types", "Audience", "Scopes", "Roles", "ClientID", "Required", "RequiredValues", "WrongIssuers", "InertConfirmation", "Aliases"} {
		if !strings.Contains(err.Error(), "Config.Profile."+want+": ") {
			t.Errorf("got error %v, want an error that names %s", err, want)
		}
	}
	for issuer, profile := range map[string]bearer.Profile{
		"https://acme.okta.com": bearer.Okta, "https://acme.auth0.com": bearer.Auth0, "https://acme.scalekit.com/": bearer.Scalekit,
		"https://sts.windows.net/x": bearer.EntraV1, "https://login.microsoftonline.com/x/v2.0/": bearer.EntraV2, "https://acme.kinde.com/": bearer.Kinde,
		"https://fs.example.com/adfs": bearer.ADFS, "https://fs.example.com/adfs/": bearer.ADFS, "https://identity.oraclecloud.com": bearer.OracleIDCS,
	} {
		if _, err := bearer.New(bearer.Config{Issuer: issuer, Audience: []string{"a"}, Keys: keys, Profile: profile}); err == nil {
			t.Errorf("profile %s with issuer %q: got no error, want one", profile.Name, issuer)
		}
	}
}

// TestOwnProfile uses a profile that is not built in.
func TestOwnProfile(t *testing.T) {
	issuer := newIssuer(t)
	v := newVerifier(t, issuer, func(cfg *bearer.Config) {
		cfg.Profile = bearer.Profile{
			Name: "Acme", Types: []string{"acme+jwt"}, Scopes: []string{"/grants/api.v1"}, Roles: []string{"/a~1b/c~0d"},
			ClientID: []string{"/app/id"}, Required: []string{"/app/id"},
		}
	})
	claims, err := v.Verify(t.Context(), issuer.Mint(members{"typ": "acme+jwt"}, members{
		"client_id": nil, "jti": nil, "grants": members{"api.v1": []string{"a", "b"}}, "a/b": members{"c~d": members{"r1": true, "r2": members{"org": "x"}, "r3": 1}},
		"app": members{"id": "app-1"},
	}))
	if err != nil {
		t.Fatal(err)
	}
	if claims.Scopes().String() != "a b" || claims.ClientID() != "app-1" || !slices.Equal(claims.Roles(), []string{"r1", "r2"}) {
		t.Errorf("got scopes %q, client %q and roles %q, want scopes \"a b\", client \"app-1\" and roles [\"r1\" \"r2\"]", claims.Scopes(), claims.ClientID(), claims.Roles())
	}
	if _, err := v.Verify(t.Context(), issuer.Mint(members{"typ": "acme+jwt"}, members{"app": members{}})); !errors.Is(err, bearer.InvalidClaims) {
		t.Errorf("token without the nested claim: got error %v, want reason %q", err, bearer.InvalidClaims)
	}
}

// TestRoleForms tests the three accepted forms of roles: a string, an array of strings, and an
// object whose names are roles. Any other form gives no roles, and no roles are lost beside it.
func TestRoleForms(t *testing.T) {
	issuer := newIssuer(t, "EdDSA")
	v := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Profile = bearer.Profile{Roles: []string{"roles", "/nested/roles"}} })
	for _, row := range []struct {
		claims members
		want   []string
	}{
		{nil, nil},
		{members{"roles": []string{"a", "b"}}, []string{"a", "b"}},
		{members{"roles": members{"a": members{"org": "x"}}}, []string{"a"}},
		{members{"roles": members{"a": true, "b": false}}, []string{"a"}},
		{members{"roles": []any{members{"a": true}, members{"b": members{"org": "x"}}}}, nil},
		{members{"roles": []string{"a"}, "nested": members{"roles": []string{"b"}}}, []string{"a", "b"}},
		{members{"roles": "a"}, []string{"a"}},
		{members{"roles": "a b"}, []string{"a b"}},
		{members{"roles": ""}, nil},
		{members{"roles": []any{"a", 1, nil, "b", ""}}, []string{"a", "b"}},
		{members{"roles": []any{"a", members{"b": true}}}, []string{"a"}},
		{members{"roles": []any{members{"a": true}, "b"}}, []string{"b"}},
		{members{"roles": [][]string{{"a"}}}, nil},
		{members{"roles": raw("null"), "nested": []string{"roles"}}, nil},
		{members{"roles": "a", "nested": members{"roles": "b"}}, []string{"a", "b"}},
	} {
		claims, err := v.Verify(t.Context(), issuer.Token(row.claims))
		if err != nil {
			t.Errorf("%v: got error %v, want none", row.claims, err)
		} else if got := claims.Roles(); !slices.Equal(got, row.want) {
			t.Errorf("%v: got roles %q, want %q", row.claims, got, row.want)
		}
	}
}

// TestIssuerAdvice tests that the error for a wrong issuer gives advice for frequent
// mistakes.
func TestIssuerAdvice(t *testing.T) {
	issuer := bearertest.NewUnstartedIssuer(&bearertest.Options{Algorithms: []string{"EdDSA"}})
	defer issuer.Close()
	const tenant = "8a0671e2-3a30-4d30-9cb9-ad709b9c744a"
	v1, v2 := "https://sts.windows.net/"+tenant+"/", "https://login.microsoftonline.com/"+tenant+"/v2.0"
	for _, row := range []struct {
		profile         bearer.Profile
		configured, iss string
		want            string
	}{
		{bearer.Auth0, "https://login.acme.example", "https://login.acme.example/", "the slash at the end must be the same"},
		{bearer.Kinde, "https://login.acme.example/", "https://login.acme.example", "the slash at the end must be the same"},
		{bearer.EntraV2, v2, v1, "accessTokenAcceptedVersion"},
		{bearer.EntraV1, v1, v2, "EntraV2"},
		{bearer.EntraV1, v1, "https://contoso.b2clogin.com/" + tenant + "/v2.0/", "EntraB2C"},
		{bearer.EntraV2, v2, "https://contoso.b2clogin.com/" + tenant + "/v2.0/", "EntraB2C"},
		{bearer.EntraB2C, "https://login.contoso.example/" + tenant + "/v2.0/", v2, "EntraV2"},
		{bearer.EntraB2C, "https://login.contoso.example/" + tenant + "/v2.0/", v1, "EntraV1"},
		{bearer.Okta, "https://acme.okta.com/oauth2/default", "https://acme.okta.com", "org authorization server"},
		{bearer.Keycloak, "http://keycloak:8080/realms/r", "https://login.acme.example/realms/r", ""},
	} {
		v, err := bearer.New(bearer.Config{Issuer: row.configured, Audience: []string{"a"}, Keys: &jwks.Set{}, Profile: row.profile})
		if err != nil {
			t.Fatal(err)
		}
		_, err = v.Verify(t.Context(), issuer.Token(members{"iss": row.iss}))
		_, advice, _ := strings.Cut(err.Error(), strconv.Quote(row.configured))
		if reasonOf(t, err) != bearer.WrongIssuer || (advice == "") != (row.want == "") || !strings.Contains(advice, row.want) {
			t.Errorf("%s: got error %v, want reason %q with advice %q", row.profile.Name, err, bearer.WrongIssuer, row.want)
		}
		x := bearer.Explain(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + issuer.Token(members{"iss": row.iss})}, Rule: scopes.All()})
		if i := slices.IndexFunc(x.Checks, func(c bearer.CheckResult) bool { return c.Name == "issuer" }); i < 0 || !strings.HasPrefix(row.want, "the slash") && !strings.Contains(x.Checks[i].Advice, row.want) {
			t.Errorf("%s: got explanation %v, want advice %q", row.profile.Name, x, row.want)
		}
	}
}

// TestAudienceText tests that the error for a wrong audience names the checked claims and
// their values.
func TestAudienceText(t *testing.T) {
	issuer := newIssuer(t, "EdDSA")
	v := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Profile = bearer.Profile{Audience: []string{"aud", "/app/id"}} })
	for _, row := range []struct {
		claims members
		want   string
	}{
		{members{"aud": "x"}, `"aud" is ["x"], want one of ["deployment-api"]`},
		{members{"aud": []string{"x", "y"}}, `"aud" is ["x" "y"], want one of ["deployment-api"]`},
		{members{"aud": []string{}, "app": members{"id": "x"}}, `the token has no "aud", and "/app/id" is ["x"], want`},
		{members{"aud": nil, "app": members{}}, `the token has no "aud" and no "/app/id", want`},
	} {
		_, err := v.Verify(t.Context(), issuer.Token(row.claims))
		if reasonOf(t, err) != bearer.WrongAudience || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%v: got error %v, want %q in the text", row.claims, err, row.want)
		}
	}
}
