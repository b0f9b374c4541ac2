package bearer_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/profiles"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/scopes"
)

const (
	github    = "https://token.actions.githubusercontent.com"
	anyTenant = "https://login.microsoftonline.com/{tenantid}/v2.0"
	guid      = "8a0671e2-3a30-4d30-9cb9-ad709b9c744a"
)

// withClaims returns a copy of a profile with these TenantClaims.
func withClaims(p bearer.Profile, claims map[string]string) bearer.Profile {
	p.TenantClaims = claims
	return p
}

// sharedIssuers returns configurations of issuers that issue the tokens of all their
// customers. Each configuration has a list of valid tenants. In other fields, it says nothing
// about the customer.
func sharedIssuers() map[string]bearer.Config {
	named, _ := bearer.ProfileByName("github-actions")
	named.Name = "Mine"
	return map[string]bearer.Config{
		"GitHub":                              {Issuer: github, Profile: bearer.GitHubActions, Tenants: []string{"74"}},
		"GitHub without a profile":            {Issuer: github, Tenants: []string{"74"}},
		"GitHub with a profile by name":       {Issuer: github, Profile: named, Tenants: []string{"repository_owner_id=65"}},
		"GitHub, claims removed":              {Issuer: github, Profile: withClaims(bearer.GitHubActions, nil), Tenants: []string{"74"}},
		"GitHub, no claims":                   {Issuer: github, Profile: withClaims(bearer.GitHubActions, map[string]string{}), Tenants: []string{"74"}},
		"GitHub, one claim":                   {Issuer: github, Profile: withClaims(bearer.GitHubActions, map[string]string{"repository_id": ""}), Tenants: []string{"74"}},
		"GitHub with a profile of its own":    {Issuer: github, Profile: bearer.Profile{Name: "Mine", Types: []string{"JWT"}}, Tenants: []string{"74"}},
		"GitHub as an alias":                  {Issuer: "https://a.example", Profile: bearer.Profile{Aliases: []string{github, "https://a.example"}}, Tenants: []string{"74"}},
		"GitHub's profile at another issuer":  {Issuer: "https://ghes.example/_services/token", Profile: bearer.GitHubActions, Tenants: []string{"74"}},
		"GitHub's profile at an enterprise":   {Issuer: github + "/acme", Profile: bearer.GitHubActions, Tenants: []string{"74"}},
		"Google":                              {Issuer: "https://accounts.google.com", Profile: bearer.Google, Tenants: []string{"107145139691231222712"}},
		"Google without a scheme":             {Issuer: "accounts.google.com", Profile: bearer.Google, Tenants: []string{"ci@acme.iam.gserviceaccount.com"}},
		"Google without a profile":            {Issuer: "accounts.google.com", Tenants: []string{"azp=1.apps.googleusercontent.com"}},
		"Entra v2":                            {Issuer: anyTenant, Profile: bearer.EntraV2, Tenants: []string{guid}},
		"Entra v1":                            {Issuer: "https://sts.windows.net/{tenantid}/", Profile: bearer.EntraV1, Tenants: []string{guid}},
		"template without a profile":          {Issuer: anyTenant, Tenants: []string{"tid=" + guid}},
		"template with a profile that has it": {Issuer: anyTenant, Profile: withClaims(bearer.EntraV2, map[string]string{"tid": ""}), Tenants: []string{guid}},
		"GitLab":                              {Issuer: "https://gitlab.com", Tenants: []string{"project_id=20"}},
		"Buildkite":                           {Issuer: "https://agent.buildkite.com", Tenants: []string{guid}},
		"Terraform":                           {Issuer: "https://app.terraform.io", Tenants: []string{"org-GRNbCjYNpBB6NEH9"}},
		"Vercel":                              {Issuer: "https://oidc.vercel.com", Tenants: []string{"team_7Gw5ZMzpQA8h90F8"}},
		"profile with claims":                 {Issuer: "https://a.example", Profile: bearer.Profile{TenantClaims: map[string]string{"/org/id": `\d+`}}, Tenants: []string{"7"}},
	}
}

// accept builds a verifier with New, with Issuers.Add and with Issuers.Replace. It returns the
// error, which must be the same in the three cases, except for the prefix.
func accept(t *testing.T, cfg bearer.Config) error {
	t.Helper()
	cfg.Audience, cfg.Keys = []string{audience}, new(jwks.Set)
	v, err := bearer.New(cfg)
	if err == nil {
		t.Cleanup(func() { _ = v.Close() })
	}
	old := cfg
	old.Tenants, old.InsecureAnyTenant, old.Profile.TenantClaims = nil, true, nil
	var added, replaced bearer.Issuers
	defer added.Close()
	defer replaced.Close()
	if err := replaced.Add(old); err != nil {
		t.Fatal(err)
	}
	for name, other := range map[string]error{"Add": added.Add(cfg), "Replace": replaced.Replace(cfg)} {
		if (other == nil) != (err == nil) || err != nil && !strings.Contains(other.Error(), strings.TrimPrefix(err.Error(), "bearer: ")) {
			t.Errorf("%s: got error %v, want the error of New: %v", name, other, err)
		}
	}
	return err
}

// TestTenantsRequired requires an error of New for each shared issuer if no field says which
// customers are accepted.
func TestTenantsRequired(t *testing.T) {
	validate := func(context.Context, *bearer.Claims) error { return nil }
	for name, cfg := range sharedIssuers() {
		if err := accept(t, cfg); err != nil {
			t.Errorf("%s, Tenants %q: got error %v, want none", name, cfg.Tenants, err)
		}
		cfg.Tenants = nil
		for field, set := range map[string]func(*bearer.Config){
			"nothing":  func(*bearer.Config) {},
			"Required": func(c *bearer.Config) { c.Required = []string{"repository_id"} },
			"Custom":   func(c *bearer.Config) { c.Custom = func([]byte) (any, error) { return nil, nil } },
			"Observer": func(c *bearer.Config) { c.Observer = &testkit.Recorder{} },
		} {
			own := cfg
			set(&own)
			testkit.WantError(t, name+", "+field, accept(t, own), "Config.Tenants: required", "NAME=VALUE", "Config.Validate", "Config.InsecureAnyTenant", "Rules of routes do not count")
		}
		for field, set := range map[string]func(*bearer.Config){
			"Validate":                       func(c *bearer.Config) { c.Validate = validate },
			"InsecureAnyTenant":              func(c *bearer.Config) { c.InsecureAnyTenant = true },
			"Validate and InsecureAnyTenant": func(c *bearer.Config) { c.Validate, c.InsecureAnyTenant = validate, true },
		} {
			own := cfg
			set(&own)
			if err := accept(t, own); err != nil {
				t.Errorf("%s, %s: got error %v, want none", name, field, err)
			}
		}
	}
}

// TestTenantsNotRequired requires that New accepts issuers whose identifier names the customer.
func TestTenantsNotRequired(t *testing.T) {
	for name, p := range builtIn(t) {
		if len(p.TenantClaims) > 0 {
			continue
		}
		issuer := "https://acme.example/tenant/v2.0"
		if p.SPIFFE {
			issuer = "spiffe://acme.example"
		}
		if err := accept(t, bearer.Config{Issuer: issuer, Profile: withoutWrongIssuers(p)}); err != nil {
			t.Errorf("%s: got error %v, want none", name, err)
		}
	}
	for _, cfg := range []bearer.Config{
		{Issuer: "https://login.microsoftonline.com/" + guid + "/v2.0", Profile: bearer.EntraV2},
		{Issuer: "https://sts.windows.net/" + guid + "/", Profile: bearer.EntraV1},
		{Issuer: "https://ghes.example/_services/token", Profile: withClaims(bearer.GitHubActions, nil)},
		{Issuer: github + "/acme"},
		{Issuer: "https://oidc.vercel.com/acme"},
		{Issuer: "https://gitlab.acme.example"},
		// Without Config.Issuer in the list, the aliases have no effect.
		{Issuer: "https://a.example", Profile: bearer.Profile{Aliases: []string{github}}},
	} {
		if err := accept(t, cfg); err != nil {
			t.Errorf("%s: got error %v, want none", cfg.Issuer, err)
		}
	}
}

// withoutWrongIssuers returns a copy of a profile that accepts every issuer.
func withoutWrongIssuers(p bearer.Profile) bearer.Profile {
	p.WrongIssuers = nil
	return p
}

// TestBadTenants requires an error of New for lists that contain a mistake.
func TestBadTenants(t *testing.T) {
	all := sharedIssuers()
	for _, row := range []struct {
		name    string
		entries []string
		want    string // part of the error
	}{
		{"GitHub", []string{}, "the list is empty"},
		{"GitHub", []string{""}, "is an empty entry"},
		{"GitHub", []string{"74", ""}, "is an empty entry"},
		{"GitHub", []string{"octo-org/octo-repo"}, "a different customer can register a name"},
		{"GitHub", []string{"74", "octo-org"}, `"octo-org": not a value of "repository_id"`},
		{"GitHub", []string{"repository_id=octo-org/octo-repo"}, "not a value of"},
		{"GitHub", []string{"repository_id="}, `the value of "repository_id" is empty`},
		{"GitHub", []string{"repository=octo-org/octo-repo"}, `the claim "repository" does not identify a customer; write NAME=VALUE with the name "repository_id" or`},
		{"GitHub", []string{"repository_owner=65"}, `the claim "repository_owner" does not identify`},
		{"GitHub", []string{"Repository_id=74"}, `the claim "Repository_id" does not identify`},
		{"GitHub", []string{"repository_id=74=74"}, "not a value of"},
		{"GitHub", []string{" 74"}, "contains a space"},
		{"GitHub", []string{"74 "}, "contains a space"},
		{"GitHub", []string{"74\n"}, "contains a space"},
		{"GitHub", []string{"74\u00a0"}, "contains a space"},
		{"GitHub", []string{"74\x00"}, "contains a space or a control character"},
		{"GitHub", []string{"74,65"}, "not a value of"},
		{"GitHub", []string{"074"}, "not a value of"},
		{"GitHub", []string{"0"}, "not a value of"},
		{"GitHub", []string{"+74"}, "not a value of"},
		{"GitHub", []string{"７４"}, "not a value of"},
		{"GitHub", []string{"*"}, "not a value of"},
		{"GitHub, one claim", []string{"repository_owner_id=65"}, `with the name "repository_id"`},
		{"GitHub without a profile", []string{"octo-org"}, "not a value of"},
		{"Google", []string{"user@gmail.com"}, "not a value of"},
		{"Google", []string{"ci@acme.iam.gserviceaccount.com.evil.example"}, "not a value of"},
		{"Google", []string{"email=user@acme.example"}, "not a value of"},
		{"Google", []string{"CI@acme.iam.gserviceaccount.com"}, `write the value of "email" in lower case`},
		{"Google", []string{"sub=abc"}, "not a value of"},
		{"Google", []string{"client_id=1"}, `the claim "client_id" does not identify`},
		{"Entra v2", []string{strings.ToUpper(guid)}, `write the value of "tid" in lower case`},
		{"Entra v2", []string{"{" + guid + "}"}, "not a value of"},
		{"Entra v2", []string{"acme.onmicrosoft.com"}, "not a value of"},
		{"Entra v2", []string{"common"}, "not a value of"},
		{"Entra v2", []string{"https://login.microsoftonline.com/" + guid + "/v2.0"}, "not a value of"},
		{"GitLab", []string{"group/project"}, "not a value of"},
		{"Terraform", []string{"acme"}, "not a value of"},
	} {
		cfg := all[row.name]
		cfg.Tenants = row.entries
		testkit.WantError(t, row.name, accept(t, cfg), "Config.Tenants: ", row.want)
		// Config.Validate does not excuse a mistake in Config.Tenants.
		cfg.Validate = func(context.Context, *bearer.Claims) error { return nil }
		testkit.WantError(t, row.name+" with Validate", accept(t, cfg), "Config.Tenants: ", row.want)
	}
	both := all["GitHub"]
	both.InsecureAnyTenant = true
	testkit.WantError(t, "Tenants and InsecureAnyTenant", accept(t, both), "Config.InsecureAnyTenant", "remove one")
	twice := all["GitHub"]
	twice.Tenants = []string{"74", "74", "repository_id=74"}
	if err := accept(t, twice); err != nil {
		t.Errorf("the same tenant twice: got error %v, want none", err)
	}
	testkit.WantError(t, "issuer of one customer", accept(t, bearer.Config{Issuer: "https://a.example", Profile: bearer.Keycloak, Tenants: []string{"x"}}),
		"Config.Tenants: Config.Profile names no claim")
}

// TestAmbiguousTenants requires one warning of New for entries that are numbers and are accepted in
// several claims of numbers. The entries are accepted.
func TestAmbiguousTenants(t *testing.T) {
	all := sharedIssuers()
	for _, row := range []struct {
		name    string
		entries []string
		want    string // the attribute "entries" of the warning; "" means no warning
	}{
		{"GitHub", []string{"65"}, `"65"`},
		{"GitHub", []string{"repository_id=74", "65", "repository_owner_id=65", "9"}, `"65", "9"`},
		{"GitHub", []string{"1", "2", "3", "4", "5", "6", "7", "8", "9"}, `"1", "2", "3", "4"`},
		{"GitHub", []string{"repository_id=74", "repository_owner_id=65"}, ""},
		{"GitHub without a profile", []string{"65"}, `"65"`},
		{"GitHub, one claim", []string{"74"}, ""},
		{"GitHub's profile at another issuer", []string{"65"}, `"65"`},
		{"GitLab", []string{"20"}, `"20"`},
		{"GitLab", []string{"project_id=20"}, ""},
		{"Google", []string{"107145139691231222712"}, ""}, // the account and its client have one identifier
		{"Entra v2", []string{guid}, ""},
		{"Buildkite", []string{guid}, ""},
		{"Vercel", []string{"team_7Gw5ZMzpQA8h90F8"}, ""},
	} {
		cfg := all[row.name]
		var out testkit.Buffer
		cfg.Tenants, cfg.Audience, cfg.Keys = row.entries, []string{audience}, new(jwks.Set)
		cfg.Logger = slog.New(slog.NewJSONHandler(&out, nil))
		v, err := bearer.New(cfg)
		if err != nil {
			t.Fatalf("%s, %q: got error %v, want none", row.name, row.entries, err)
		}
		defer v.Close()
		var record struct{ Level, Issuer, Entries, Help string }
		if row.want == "" {
			if out.String() != "" {
				t.Errorf("%s, %q: got record %s, want none", row.name, row.entries, out.String())
			}
			continue
		}
		if err := json.Unmarshal([]byte(out.String()), &record); err != nil { // fails for two records
			t.Fatalf("%s, %q: got records %q and error %v, want one record", row.name, row.entries, out.String(), err)
		}
		if record.Level != "WARN" || record.Issuer != cfg.Issuer || record.Entries != row.want || !strings.Contains(record.Help, "NAME=VALUE") {
			t.Errorf("%s, %q: got record %s, want a warning with the entries %s", row.name, row.entries, out.String(), row.want)
		}
	}
	bad := all["GitHub"]
	var out testkit.Buffer
	bad.Tenants, bad.Logger = []string{"65", "octo-org"}, slog.New(slog.NewTextHandler(&out, nil))
	if err := accept(t, bad); err == nil || out.String() != "" {
		t.Errorf("got error %v and records %q, want an error and no record", err, out.String())
	}
}

// TestExplainTenant requires that Explain says who decides about the customers.
func TestExplainTenant(t *testing.T) {
	validate := func(context.Context, *bearer.Claims) error { return nil }
	issuer := newIssuer(t)
	for _, row := range []struct {
		profile bearer.Profile
		set     func(*bearer.Config)
		want    string
	}{
		{bearer.Profile{}, func(*bearer.Config) {}, "not checked, because the issuer counts as the issuer of one customer"},
		{bearer.Profile{}, func(c *bearer.Config) { c.Validate, c.InsecureAnyTenant = validate, true }, "of one customer"},
		{bearer.GitHubActions, func(c *bearer.Config) { c.Validate = validate }, "Config.Tenants is not set, so Config.Validate decides"},
		{bearer.GitHubActions, func(c *bearer.Config) { c.InsecureAnyTenant = true }, "every customer of the issuer is accepted"},
		{bearer.GitHubActions, func(c *bearer.Config) { c.Validate, c.InsecureAnyTenant = validate, true }, "only Config.Validate and the rule can refuse a customer"},
	} {
		v := newVerifier(t, issuer, func(c *bearer.Config) {
			c.Profile = row.profile
			row.set(c)
		})
		x := bearer.Explain(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + issuer.Token(nil)}})
		i := slices.IndexFunc(x.Checks, func(c bearer.CheckResult) bool { return c.Name == "tenant" })
		if i < 0 || !strings.Contains(x.Checks[i].Got, row.want) {
			t.Errorf("%s: got %v, want a check of the tenant with %q", row.profile.Name, x.Checks, row.want)
		}
	}
}

// TestBadTenantClaims requires an error of New for a profile whose TenantClaims contain a
// mistake, or that replaces the known claims of an issuer. A customer can choose the values of
// some other claims, and GitHub's names can pass to a different customer.
func TestBadTenantClaims(t *testing.T) {
	for _, row := range []struct {
		issuer string
		claims map[string]string
		want   []string
	}{
		{"https://a.example", map[string]string{"": ""}, []string{"the name of a claim is empty"}},
		{"https://a.example", map[string]string{"$.org": ""}, []string{"JSON pointer"}},
		{"https://a.example", map[string]string{"org": "("}, []string{`"org"`, "missing closing )"}},
		{"https://a.example", map[string]string{"org": "a)|(?:b"}, []string{`"org"`, "unexpected )"}},
		{github, map[string]string{"repository": ""}, []string{`"repository"`, `"` + github + `" are repository_id, repository_owner_id`, "use Config.Validate"}},
		{github, map[string]string{"repository_id": "", "repository": ""}, []string{`"repository"`}},
		{"accounts.google.com", map[string]string{"hd": ""}, []string{`"hd"`, "azp, email, sub"}},
		{anyTenant, map[string]string{"org": ""}, []string{`"org"`, "{tenantid} are tid"}},
	} {
		cfg := bearer.Config{Issuer: row.issuer, Profile: bearer.Profile{TenantClaims: row.claims}, Tenants: []string{"a"}}
		testkit.WantError(t, row.issuer, accept(t, cfg), append(row.want, "Config.Profile.TenantClaims: ")...)
	}
}

// TestTenantOfToken verifies tokens with different claims of the customer. The vectors of the
// class "tenant" test more claims of GitHub.
func TestTenantOfToken(t *testing.T) {
	google := map[string]any{"azp": "1", "sub": "1"}
	const robot = "ci@acme.iam.gserviceaccount.com"
	email := []string{robot}
	for _, row := range []struct {
		name    string
		profile bearer.Profile
		entries []string
		claims  map[string]any // added to the claims that the profile requires
		want    bearer.Reason
	}{
		{"repository", bearer.GitHubActions, []string{"74"}, map[string]any{"repository_id": "74"}, ""},
		{"owner", bearer.GitHubActions, []string{"65"}, map[string]any{"repository_owner_id": "65"}, ""},
		{"one of several", bearer.GitHubActions, []string{"1", "2", "65"}, map[string]any{"repository_owner_id": "65"}, ""},
		{"stranger", bearer.GitHubActions, []string{"74", "65"}, nil, bearer.InvalidClaims},
		{"number", bearer.GitHubActions, []string{"74"}, map[string]any{"repository_id": 74}, bearer.InvalidClaims},
		{"names of a listed repository", bearer.GitHubActions, []string{"74"}, map[string]any{"repository": "74", "repository_owner": "74", "actor_id": "74"}, bearer.InvalidClaims},
		{"client", bearer.Google, []string{"9.apps.googleusercontent.com"}, map[string]any{"azp": "9.apps.googleusercontent.com"}, ""},
		{"account", bearer.Google, []string{"107145139691231222712"}, map[string]any{"sub": "107145139691231222712"}, ""},
		{"address", bearer.Google, email, map[string]any{"email": robot, "email_verified": true}, ""},
		{"address without email_verified", bearer.Google, email, map[string]any{"email": robot}, bearer.InvalidClaims},
		{"address that is not verified", bearer.Google, email, map[string]any{"email": robot, "email_verified": false}, bearer.InvalidClaims},
		{"email_verified is a string", bearer.Google, email, map[string]any{"email": robot, "email_verified": "true"}, bearer.InvalidClaims},
		{"email_verified is an array", bearer.Google, email, map[string]any{"email": robot, "email_verified": []bool{true}}, bearer.InvalidClaims},
		{"email_verified is 1", bearer.Google, email, map[string]any{"email": robot, "email_verified": 1}, bearer.InvalidClaims},
		{"address in upper case", bearer.Google, email, map[string]any{"email": strings.ToUpper(robot), "email_verified": true}, bearer.InvalidClaims},
		{"address in an array", bearer.Google, email, map[string]any{"email": []string{robot}, "email_verified": true}, bearer.InvalidClaims},
		{"address as the client", bearer.Google, email, map[string]any{"azp": robot, "email_verified": true}, bearer.InvalidClaims},
		{"account that is not verified", bearer.Google, []string{"7"}, map[string]any{"sub": "7", "email_verified": false}, ""},
	} {
		issuer := newIssuer(t)
		claims := maps.Clone(google)
		maps.Copy(claims, map[string]any{"repository_id": "3", "repository_owner_id": "4", "typ": nil})
		maps.Copy(claims, row.claims)
		token := issuer.Mint(map[string]any{"typ": "JWT"}, claims)
		cfg := testkit.Config(t, issuer)
		cfg.Profile, cfg.Tenants = row.profile, row.entries
		observer := &testkit.Recorder{}
		cfg.Observer = observer
		for name, v := range oneAndSeveral(t, cfg) {
			for range 2 { // the second time, the verdict on an accepted token is cached
				_, err := v.Verify(t.Context(), token)
				if got := reasonOf(t, err); got != row.want {
					t.Errorf("%s, %s: got reason %q, want %q; error: %v", row.name, name, got, row.want, err)
				}
				if events := observer.Take(); len(events) != 1 || events[0].Reason != row.want || events[0].Issuer != issuer.URL() {
					t.Errorf("%s, %s: got events %+v, want one with reason %q and the issuer", row.name, name, events, row.want)
				}
			}
			x := bearer.Explain(t.Context(), v, bearer.Request{Authorization: []string{"Bearer " + token}, Rule: scopes.All()})
			i := slices.IndexFunc(x.Checks, func(c bearer.CheckResult) bool { return c.Name == "tenant" })
			if x.Reason != row.want || i < 0 || x.Checks[i].Reason != row.want || !strings.Contains(x.Checks[i].Want, row.entries[0]) {
				t.Errorf("%s, %s: got explanation\n%v\nwant the check tenant with reason %q and the list", row.name, name, x, row.want)
			}
		}
	}
}

// TestTenantErrorText tests that the error names the claims of the token, and only the
// beginning of a long list.
func TestTenantErrorText(t *testing.T) {
	issuer := newIssuer(t)
	cfg := testkit.Config(t, issuer)
	cfg.Profile = bearer.Profile{TenantClaims: map[string]string{"org": "", "email": "", "project": ""}}
	cfg.Tenants = []string{"a", "b", "c", "d", "e", "f"}
	for _, v := range oneAndSeveral(t, cfg) {
		_, err := v.Verify(t.Context(), issuer.Token(map[string]any{"org": strings.Repeat("x", 500), "email": "a", "scope": "read"}))
		testkit.WantError(t, "token", err, `"org" is "`+strings.Repeat("x", 50), `"email" is "a", but "email_verified" is not true`, `no "project"`, `"a", "b", "c", "d" and 2 more (Config.Tenants)`)
		if len(err.Error()) > 400 {
			t.Errorf("got an error of %d bytes, want at most 400: %v", len(err.Error()), err)
		}
	}
}

// TestReplaceTenants changes the list while a token is cached. The new list applies to the
// next request.
func TestReplaceTenants(t *testing.T) {
	issuer := newIssuer(t)
	token := issuer.Token(map[string]any{"org": "a"})
	cfg := testkit.Config(t, issuer)
	cfg.Profile = bearer.Profile{TenantClaims: map[string]string{"org": ""}}
	var issuers bearer.Issuers
	defer issuers.Close()
	cfg.Tenants = []string{"a"}
	if err := issuers.Add(cfg); err != nil {
		t.Fatal(err)
	}
	cfg.Tenants[0] = "z" // New copies the list
	for i, want := range []bearer.Reason{"", "", bearer.InvalidClaims, "", bearer.InvalidClaims} {
		if i >= 2 {
			cfg.Tenants = [][]string{{"b"}, {"b", "a"}, {"c"}}[i-2]
			if err := issuers.Replace(cfg); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := issuers.Verify(t.Context(), token); reasonOf(t, err) != want {
			t.Errorf("request %d: got error %v, want reason %q", i, err, want)
		}
	}
}

// TestTenantsFetchNothing sends tokens of other customers with unknown key IDs. They cause no
// fetch of keys.
func TestTenantsFetchNothing(t *testing.T) {
	issuer := bearertest.NewIssuer(&bearertest.Options{Audience: []string{audience}})
	defer issuer.Close()
	v, err := bearer.New(bearer.Config{
		Issuer: issuer.URL(), Audience: []string{audience}, Profile: bearer.Profile{TenantClaims: map[string]string{"org": ""}}, Tenants: []string{"a"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if err := v.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := issuer.Fetches(bearertest.KeysEndpoint)
	if _, err := v.Verify(t.Context(), issuer.Mint(map[string]any{"kid": "unknown"}, map[string]any{"org": "b"})); !errors.Is(err, bearer.InvalidClaims) {
		t.Errorf("got error %v, want reason %q", err, bearer.InvalidClaims)
	}
	if got := issuer.Fetches(bearertest.KeysEndpoint); got != before {
		t.Errorf("got %d fetches, want %d", got, before)
	}
	if _, err := v.Verify(t.Context(), issuer.Mint(map[string]any{"kid": "unknown"}, map[string]any{"org": "a"})); !errors.Is(err, bearer.UnknownKey) {
		t.Errorf("accepted customer: got error %v, want reason %q", err, bearer.UnknownKey)
	}
	if got := issuer.Fetches(bearertest.KeysEndpoint); got == before {
		t.Errorf("accepted customer: got %d fetches, want more", got)
	}
}

// TestSharedIssuersOnPage requires that docs/issuers.md lists the issuers that New knows, with
// the claims of each issuer.
func TestSharedIssuersOnPage(t *testing.T) {
	page := readText(t, "docs/issuers.md")
	for issuer, claims := range profiles.Shared {
		row := "| `" + issuer + "` | `" + strings.Join(slices.Sorted(maps.Keys(claims)), "`, `") + "` |"
		if !strings.Contains(page, row) {
			t.Errorf("docs/issuers.md: got no row %s, want one", row)
		}
	}
}
