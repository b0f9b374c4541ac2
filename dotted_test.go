package bearer_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/scopes"
)

// TestDottedNamesRefused writes realm_access.roles in every place of a configuration that takes
// the name of a claim. The name is refused, and the error contains the JSON pointer. The pointers
// are accepted in the same places.
func TestDottedNamesRefused(t *testing.T) {
	issuer := newIssuer(t, "EdDSA")
	places := map[string]func(cfg *bearer.Config, name string){
		"Config.Required":               func(cfg *bearer.Config, name string) { cfg.Required = []string{name} },
		"Config.Profile.Audience":       func(cfg *bearer.Config, name string) { cfg.Profile.Audience = []string{"aud", name} },
		"Config.Profile.Scopes":         func(cfg *bearer.Config, name string) { cfg.Profile.Scopes = []string{name} },
		"Config.Profile.Roles":          func(cfg *bearer.Config, name string) { cfg.Profile.Roles = []string{name} },
		"Config.Profile.ClientID":       func(cfg *bearer.Config, name string) { cfg.Profile.ClientID = []string{name} },
		"Config.Profile.Required":       func(cfg *bearer.Config, name string) { cfg.Profile.Required = []string{name} },
		"Config.Profile.Forbidden":      func(cfg *bearer.Config, name string) { cfg.Profile.Forbidden = []string{name} },
		"Config.Profile.RequiredValues": func(cfg *bearer.Config, name string) { cfg.Profile.RequiredValues = map[string][]string{name: {"x"}} },
		"Config.Profile.TenantClaims": func(cfg *bearer.Config, name string) {
			cfg.Profile.TenantClaims, cfg.Tenants = map[string]string{name: ""}, []string{"x"}
		},
		"Config.Custom": func(cfg *bearer.Config, name string) { cfg.Custom = bearer.JSONAt[[]string](name) },
	}
	for _, name := range []string{"realm_access.roles", "resource_access.api.roles", "app_metadata.role", "realm_access/roles"} {
		pointer := "/" + strings.NewReplacer(".", "/").Replace(name)
		for place, set := range places {
			for written, wantErr := range map[string]bool{name: true, pointer: false, "/" + strings.ReplaceAll(name, "/", "~1"): false} {
				cfg := testkit.Config(t, issuer)
				set(&cfg, written)
				v, err := bearer.New(cfg)
				if v != nil {
					_ = v.Close()
				}
				if !wantErr && err != nil {
					t.Errorf("%s: %s: got error %v, want none", place, written, err)
				}
				if wantErr {
					testkit.WantError(t, place+": "+written, err, place, `"`+pointer+`"`)
				}
			}
		}
		for rule, err := range map[string]error{"ClaimEquals": bearer.ClaimEquals(name, "x").Err(), "ClaimIncludes": bearer.ClaimIncludes(name, "x").Err()} {
			testkit.WantError(t, rule+": "+name, err, `"`+pointer+`"`)
		}
		if err := bearer.ClaimIncludes(pointer, "x").Err(); err != nil {
			t.Errorf("ClaimIncludes: %s: got error %v, want none", pointer, err)
		}
	}
}

// TestDottedNamesHint writes custom.name for a member of the object custom, in every place of a
// configuration whose claim a token can lack. The detail of the refusal and the explanation
// contain the JSON pointer. The response does not. If the token has a claim with the dotted
// name, or the name is not a path, no text contains a pointer.
func TestDottedNamesHint(t *testing.T) {
	issuer := newIssuer(t, "EdDSA")
	allow := scopes.All()
	for _, row := range []struct {
		place  string
		adjust func(cfg *bearer.Config, name string)
		rule   func(name string) scopes.Rule
	}{
		{"Config.Required", func(cfg *bearer.Config, name string) { cfg.Required = []string{name} }, nil},
		{"Profile.Required", func(cfg *bearer.Config, name string) { cfg.Profile.Required = []string{name} }, nil},
		{"Profile.RequiredValues", func(cfg *bearer.Config, name string) { cfg.Profile.RequiredValues = map[string][]string{name: {"x"}} }, nil},
		{"Profile.Audience", func(cfg *bearer.Config, name string) { cfg.Profile.Audience = []string{name} }, nil},
		{"Profile.TenantClaims", func(cfg *bearer.Config, name string) {
			cfg.Profile.TenantClaims, cfg.Tenants = map[string]string{name: ""}, []string{"x"}
		}, nil},
		{"JSONAt", func(cfg *bearer.Config, name string) { cfg.Custom = bearer.JSONAt[string](name) }, nil},
		{"Profile.Roles", func(cfg *bearer.Config, name string) { cfg.Profile.Roles = []string{"roles", name} }, func(string) scopes.Rule { return bearer.HasRole("x") }},
		{"Profile.Scopes", func(cfg *bearer.Config, name string) { cfg.Profile.Scopes = []string{name} }, func(string) scopes.Rule { return scopes.All("x") }},
		{"Profile.ClientID", func(cfg *bearer.Config, name string) {
			cfg.Profile.ClientID, cfg.Profile.Required = []string{name}, []string{"sub"}
		}, func(string) scopes.Rule { return bearer.ClientIs("x") }},
		{"ClaimEquals", nil, func(name string) scopes.Rule { return bearer.ClaimEquals(name, "x") }},
		{"ClaimIncludes", nil, func(name string) scopes.Rule { return bearer.ClaimIncludes(name, "x") }},
	} {
		for _, c := range []struct{ name, pointer string }{
			{"custom.name", "/custom/name"},
			{"custom.a~b.c", "/custom/a~0b/c"},
			{"custom/name", "/custom/name"},
			{"custom", ""},
			{"/custom/name2", ""},
			{"https://custom.example/name", ""},
			{"present.name", ""},
		} {
			recorder := &testkit.Recorder{}
			v := newVerifier(t, issuer, func(cfg *bearer.Config) {
				cfg.Observer = recorder
				if row.adjust != nil {
					row.adjust(cfg, c.name)
				}
			})
			rule := allow
			if row.rule != nil {
				rule = row.rule(c.name)
			}
			mux := guarded(v, rule)
			token := issuer.Token(members{"custom": nil, "present.name": 7, "scope": nil, "client_id": "c"})
			req, resp := httptest.NewRequest(http.MethodGet, "/things", nil), httptest.NewRecorder()
			req.Header.Set("Authorization", "Bearer "+token)
			mux.ServeHTTP(resp, req)
			events := recorder.Take()
			if len(events) != 1 || events[0].Err == nil {
				if c.name != "present.name" {
					t.Errorf("%s, %s: got status %d and events %v, want one refusal", row.place, c.name, resp.Code, events)
				}
				continue
			}
			x := bearer.Explain(t.Context(), v, bearer.Request{Authorization: req.Header["Authorization"], Rule: rule})
			explained := x.String()
			if row.rule != nil {
				explained = x.Detail // the check "rule" shows the scopes and the roles of the token
			}
			for text, got := range map[string]string{"detail": events[0].Err.Error(), "explanation": explained} {
				if hint, want := strings.Contains(got, "JSON pointer"), c.pointer != ""; hint != want || want && !strings.Contains(got, `pointer "`+c.pointer+`"`) {
					t.Errorf("%s, %s: got %s %q, want the pointer %q", row.place, c.name, text, got, c.pointer)
				}
			}
			if told := resp.Body.String() + resp.Header().Get("WWW-Authenticate"); strings.Contains(told, "custom") || strings.Contains(told, "pointer") {
				t.Errorf("%s, %s: got response %q, want no detail", row.place, c.name, told)
			}
		}
	}
}
