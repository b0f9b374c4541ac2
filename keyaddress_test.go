package bearer_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/jwks"
	"github.com/bearerkit/bearer/scopes"
)

// TestKeyAddress calls New for issuers whose keys discovery does not find. The error or the warning
// contains the form of the address.
func TestKeyAddress(t *testing.T) {
	const guid = entraTenant
	const b2cAddress = "https://NAME.b2clogin.com/NAME.onmicrosoft.com/POLICY/v2.0/.well-known/openid-configuration"
	const oracle = "https://identity.oraclecloud.com/"
	own := bearer.EntraB2C
	own.Roles = []string{"r"}
	for _, row := range []struct {
		name, issuer string
		profile      bearer.Profile
		opts         *jwks.Options
		err, warning string
	}{
		{"Oracle", oracle, bearer.OracleIDCS, nil, "https://idcs-....identity.oraclecloud.com/admin/v1/SigningCert/jwk", ""},
		{"Oracle with empty options", oracle, bearer.OracleIDCS, &jwks.Options{}, "SigningCert/jwk", ""},
		{"Oracle with keys", oracle, bearer.OracleIDCS, &jwks.Options{KeysURL: "https://127.0.0.1:1/jwk"}, "", ""},
		{"Oracle with its own issuer", "https://127.0.0.1:1/", bearer.OracleIDCS, nil, "", ""},
		{"B2C", "https://contoso.b2clogin.com/" + guid + "/v2.0/", bearer.EntraB2C, nil, b2cAddress, ""},
		{"copy of B2C", "https://contoso.b2clogin.com/" + guid + "/v2.0/", own, nil, b2cAddress, ""},
		{"B2C with metadata", "https://contoso.b2clogin.com/" + guid + "/v2.0/", bearer.EntraB2C, &jwks.Options{MetadataURL: "https://127.0.0.1:1/m"}, "", ""},
		{"B2C with a domain", "https://127.0.0.1:1/" + guid + "/v2.0/", bearer.EntraB2C, nil, "", b2cAddress},
		{"B2C with the policy", "https://127.0.0.1:1/tfp/" + guid + "/b2c_1_x/v2.0/", bearer.EntraB2C, nil, "", ""},
		{"AD FS with http", "http://fs.example/adfs/services/trust", bearer.ADFS, nil, `trust": set Config.KeyOptions.MetadataURL to an https URL, and Config.KeyOptions.MetadataIssuer to the issuer in this metadata; for AD FS, these are https://fs.example/adfs/.well-known/openid-configuration and https://fs.example/adfs. Without them, http lets attackers`, ""},
		{"other issuer with http", "http://as.example", bearer.Profile{}, nil, "https://HOST/adfs/.well-known/openid-configuration and https://HOST/adfs. Without them, http lets", ""},
		{"AD FS with http and metadata", "http://fs.example/adfs/services/trust", bearer.ADFS, &jwks.Options{MetadataURL: "https://127.0.0.1:1/m", MetadataIssuer: "https://127.0.0.1:1/adfs"}, "", ""},
		{"AD FS with https", "https://127.0.0.1:1/adfs/services/trust", bearer.ADFS, nil, "", "usually have the issuer http://HOST/adfs/services/trust"},
		{"AD FS with https and metadata", "https://127.0.0.1:1/adfs/services/trust", bearer.ADFS, &jwks.Options{MetadataURL: "https://127.0.0.1:1/m", MetadataIssuer: "https://127.0.0.1:1/adfs"}, "", ""},
		{"loopback with http", "http://127.0.0.1:1", bearer.Profile{}, nil, "", ""},
	} {
		var out testkit.Buffer
		cfg := bearer.Config{Issuer: row.issuer, Audience: []string{"a"}, Profile: row.profile, KeyOptions: row.opts, Logger: slog.New(slog.NewTextHandler(&out, nil))}
		if row.profile.Name == bearer.OracleIDCS.Name {
			cfg.Tenants = []string{"tenant=idcs-0123456789abcdef0123456789abcdef"}
		}
		v, err := bearer.New(cfg)
		if err == nil {
			_ = v.Close()
		}
		if row.err == "" && err != nil || row.err != "" && (err == nil || !strings.Contains(err.Error(), row.err)) {
			t.Errorf("%s: got error %v, want %q", row.name, err, row.err)
		}
		const message = "discovery usually finds no keys for this issuer"
		if log := out.String(); strings.Contains(log, message) != (row.warning != "") || !strings.Contains(log, row.warning) {
			t.Errorf("%s: got log %q, want the warning %q", row.name, log, row.warning)
		}
	}
}

// TestRuleOfArray tests the rule in docs/issuers.md for an array of objects, and that a JSON pointer
// does not select an element of an array.
func TestRuleOfArray(t *testing.T) {
	admin := scopes.Func("admin in the first of the roles", func(ctx context.Context) error {
		var c struct {
			Roles []struct {
				Admin bool `json:"admin"`
			} `json:"roles"`
		}
		claims, ok := bearer.FromContext(ctx)
		if !ok || claims.Decode(&c) != nil || len(c.Roles) == 0 || !c.Roles[0].Admin {
			return errors.New("the first of the roles has no admin: true")
		}
		return nil
	})
	for _, row := range []struct {
		roles string
		rule  scopes.Rule
		want  bool
	}{
		{`[{"admin":true}]`, admin, true},
		{`[{"admin":false}]`, admin, false},
		{`[{"user":true},{"admin":true}]`, admin, false},
		{`[]`, admin, false},
		{`"admin"`, admin, false},
		{`[{"admin":true}]`, bearer.ClaimEquals("/roles/0/admin", true), false},
	} {
		claims, err := bearer.Profile{}.Claims([]byte(`{"iss":"https://as.example","sub":"s","roles":` + row.roles + `}`))
		if err != nil {
			t.Fatal(err)
		}
		if err := row.rule.Allow(bearer.NewContext(t.Context(), claims), claims.Scopes()); (err == nil) != row.want {
			t.Errorf("roles %s, rule %s: got error %v, want allowed %t", row.roles, row.rule, err, row.want)
		}
	}
}
