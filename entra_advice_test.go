package bearer_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/jwks"
)

// suggestedProfile finds the profiles that an advice names.
var suggestedProfile = regexp.MustCompile(`use profile (\w+)`)

// follow returns the configurations that follow the error of New for this profile and issuer. An
// advice can name a profile, or a change of the issuer.
func follow(t *testing.T, err error, profile, issuer string) (next [][2]string) {
	t.Helper()
	text := err.Error()
	for _, m := range suggestedProfile.FindAllStringSubmatch(text, -1) {
		next = append(next, [2]string{m[1], issuer})
	}
	fixed := issuer
	if strings.Contains(text, "write the GUID of your tenant") {
		fixed = regexp.MustCompile(`(common|organizations|consumers|\{\w+\})`).ReplaceAllString(fixed, entraTenant)
	}
	if strings.Contains(text, "write https://GUID.ciamlogin.com/GUID/v2.0") {
		fixed = "https://" + entraTenant + ".ciamlogin.com/" + entraTenant + "/v2.0"
	}
	if strings.Contains(text, "write https://NAME.b2clogin.com/GUID/v2.0/") {
		fixed = "https://contoso.b2clogin.com/" + entraTenant + "/v2.0/"
	}
	if strings.Contains(text, "version 1 tokens have https://sts.windows.net/TENANT/") {
		fixed = entraIssuer1
	}
	if strings.Contains(text, "version 2 tokens have https://login.microsoftonline.com/TENANT/v2.0") || strings.Contains(text, "no token has this host") {
		fixed = entraIssuer2
	}
	if strings.Contains(text, `the issuer is the trust domain, for example "spiffe://example.org"`) {
		fixed = "spiffe://example.org"
	}
	if strings.Contains(text, "use a custom authorization server") {
		fixed = strings.TrimSuffix(fixed, "/") + "/oauth2/default"
	}
	if strings.Contains(text, "has a slash at the end") && !strings.HasSuffix(fixed, "/") {
		fixed += "/"
	}
	if strings.Contains(text, "has no slash at the end") {
		fixed = strings.TrimRight(fixed, "/")
	}
	if fixed != issuer {
		next = append(next, [2]string{profile, fixed})
	}
	if len(next) == 0 {
		t.Errorf("profile %s, issuer %s: got an error without an advice that the test knows: %v", profile, issuer, err)
	}
	return next
}

// TestAdviceEnds tests all profiles with issuers of all clouds of Microsoft and of other vendors,
// and with the usual mistakes in these issuers. If New returns an error, each sequence of advice
// leads to a configuration without an error in at most two steps.
func TestAdviceEnds(t *testing.T) {
	const guid = entraTenant
	issuers := []string{
		"https://login.contoso.example/" + guid + "/v2.0/", "https://login.contoso.example/" + guid + "/v2.0",
		"https://login.contoso.example", "https://acme.okta.com", "https://acme.okta.com/oauth2/default", "https://acme.auth0.com", "https://acme.auth0.com/",
		"https://acme.scalekit.dev/", "https://acme.kinde.com/", "https://login.contoso.example/" + guid + "/B2C_1_x/v2.0/",
	}
	for _, sts := range []string{"https://sts.windows.net", "https://sts.chinacloudapi.cn"} {
		for _, tenant := range []string{guid, "common", "{tenantId}"} {
			issuers = append(issuers, sts+"/"+tenant, sts+"/"+tenant+"/")
		}
	}
	for _, login := range []string{
		"login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn", "login.chinacloudapi.cn", "login.windows.net", "login.microsoft.com",
		guid + ".ciamlogin.com", "contoso.ciamlogin.com", "contoso.b2clogin.com", "contoso.b2clogin.cn",
	} {
		for _, path := range []string{
			"", "/", "/" + guid, "/" + guid + "/", "/" + guid + "/v2.0", "/" + guid + "/v2.0/", "/common/v2.0", "/organizations/v2.0/", "/{tenant}/v2.0", "/consumers",
			"/contoso.onmicrosoft.com/v2.0", "/contoso.onmicrosoft.com/B2C_1_x/v2.0/", "/contoso.onmicrosoft.com/B2C_1_x/v2.0", "/" + guid + "/B2C_1_x/v2.0",
			"/tfp/" + guid + "/b2c_1_x/v2.0/", "/tfp/" + guid + "/b2c_1_x/v2.0", "/tfp/contoso.onmicrosoft.com/b2c_1_x/v2.0/",
		} {
			issuers = append(issuers, "https://"+login+path)
		}
	}
	errorOf := func(profile, issuer string) error {
		_, err := bearer.New(bearer.Config{Issuer: issuer, Audience: []string{"a"}, Keys: &jwks.Set{}, Profile: profileNamed(t, profile), InsecureAnyTenant: true})
		if err != nil && strings.Contains(err.Error(), "InsecureAnyTenant") { // the issuer is of one customer
			_, err = bearer.New(bearer.Config{Issuer: issuer, Audience: []string{"a"}, Keys: &jwks.Set{}, Profile: profileNamed(t, profile)})
		}
		return err
	}
	followed := 0
	var names []string
	for name := range builtIn(t) {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, profile := range names {
		for _, issuer := range issuers {
			configs := [][2]string{{profile, issuer}}
			for step := 0; len(configs) > 0; step++ {
				var next [][2]string
				for _, c := range configs {
					err := errorOf(c[0], c[1])
					if err == nil {
						continue
					}
					if step == 2 {
						t.Errorf("profile %s, issuer %s: got an error after two steps, for profile %s and issuer %s: %v", profile, issuer, c[0], c[1], err)
						continue
					}
					followed++
					next = append(next, follow(t, err, c[0], c[1])...)
				}
				configs = next
			}
		}
	}
	if followed < 300 {
		t.Errorf("got %d pieces of advice, want at least 300", followed)
	}
}

// TestNeverIssuers requires an error of the profiles of Entra ID for every path of the hosts that no
// token has as its issuer.
func TestNeverIssuers(t *testing.T) {
	for _, host := range []string{"login.chinacloudapi.cn", "login.windows.net", "login.microsoft.com", "login-us.microsoftonline.com"} {
		for _, path := range []string{"", "/", "/" + entraTenant, "/" + entraTenant + "/", "/" + entraTenant + "/v2.0", "/" + entraTenant + "/v2.0/", "/common/v2.0"} {
			for _, p := range []bearer.Profile{bearer.EntraV1, bearer.EntraV2} {
				if _, err := bearer.New(bearer.Config{Issuer: "https://" + host + path, Audience: []string{"a"}, Keys: &jwks.Set{}, Profile: p}); err == nil {
					t.Errorf("profile %s, issuer https://%s%s: got no error", p.Name, host, path)
				}
			}
		}
	}
}

// roundTrip is an http.RoundTripper.
type roundTrip func(*http.Request) *http.Response

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r), nil }

// TestB2CMetadata verifies a token of Azure AD B2C with the settings that docs/issuers.md
// describes. The metadata has the policy in its path. The usual issuer has no policy, so it needs
// MetadataURL. The issuer with the policy needs no address.
func TestB2CMetadata(t *testing.T) {
	const host = "https://contoso.b2clogin.com/"
	key := bearertest.NewKey("RS256", "k")
	for _, row := range []struct{ issuer, base, metadataURL string }{
		{host + entraTenant + "/v2.0/", host + "contoso.onmicrosoft.com/b2c_1_x", host + "contoso.onmicrosoft.com/b2c_1_x/v2.0/.well-known/openid-configuration"},
		{host + "tfp/" + entraTenant + "/b2c_1_x/v2.0/", host + "tfp/" + entraTenant + "/b2c_1_x", ""},
	} {
		transport := roundTrip(func(r *http.Request) *http.Response {
			body := map[string]string{
				row.base + "/v2.0/.well-known/openid-configuration": fmt.Sprintf(`{"issuer":%q,"jwks_uri":"%s/discovery/v2.0/keys"}`, row.issuer, row.base),
				row.base + "/discovery/v2.0/keys":                   `{"keys":[` + string(key.JWK()) + `]}`,
			}[r.URL.String()]
			status := http.StatusOK
			if body == "" {
				status = http.StatusNotFound
			}
			return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body)), Header: http.Header{}, Request: r}
		})
		v, err := bearer.New(bearer.Config{
			Issuer: row.issuer, Audience: []string{audience}, Profile: bearer.EntraB2C,
			KeyOptions: &jwks.Options{MetadataURL: row.metadataURL, Transport: transport, Logger: slog.New(slog.DiscardHandler)},
		})
		if err != nil {
			t.Fatal(err)
		}
		claims, err := v.Verify(t.Context(), key.Sign([]byte(`{"alg":"RS256","typ":"JWT","kid":"k"}`), fmt.Appendf(nil,
			`{"iss":%q,"aud":%q,"sub":"s","iat":1,"exp":4102444800,"azp":"c","scp":"read write","ver":"1.0","tfp":"b2c_1_x","nonce":"n"}`, row.issuer, audience)))
		if err != nil {
			t.Errorf("issuer %s: got error %v, want none", row.issuer, err)
		} else if claims.Scopes().String() != "read write" || claims.ClientID() != "c" {
			t.Errorf("issuer %s: got scopes %q and client %q, want \"read write\" and \"c\"", row.issuer, claims.Scopes(), claims.ClientID())
		}
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	}
}
