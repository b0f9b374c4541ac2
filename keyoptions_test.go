package bearer_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/jwks"
)

// publicIssuer is the "iss" of the issuers in these tests. Nothing listens at this URL.
const publicIssuer = "https://auth.deployments.example/realms/ci"

// realm is an issuer whose public name differs from the address at which a service fetches its
// documents, like a Keycloak in a cluster.
type realm struct {
	*bearertest.Issuer

	server *httptest.Server
	// jwksURI is the value of "jwks_uri" in the metadata. It stands for Keycloak's option
	// hostname-backchannel-dynamic: with the option, Keycloak writes its inner name, and without it,
	// its public name.
	jwksURI string

	mu    sync.Mutex
	paths []string
}

func newRealm(t *testing.T, dynamic bool) *realm {
	t.Helper()
	i := &realm{Issuer: bearertest.NewIssuer(nil)}
	i.server = httptest.NewServer(i)
	t.Cleanup(i.Close)
	t.Cleanup(i.server.Close)
	if i.jwksURI = publicIssuer + "/protocol/openid-connect/certs"; dynamic {
		i.jwksURI = i.keysURL()
	}
	return i
}

func (i *realm) base() string        { return i.server.URL + "/realms/ci" }
func (i *realm) metadataURL() string { return i.base() + "/.well-known/openid-configuration" }
func (i *realm) keysURL() string     { return i.base() + "/protocol/openid-connect/certs" }

func (i *realm) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	i.paths = append(i.paths, r.URL.Path)
	i.mu.Unlock()
	switch i.server.URL + r.URL.Path {
	case i.metadataURL():
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": publicIssuer, "jwks_uri": i.jwksURI})
	case i.keysURL():
		resp, err := http.Get(i.KeysURL())
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer func() { _ = resp.Body.Close() }()
		_, _ = io.Copy(w, resp.Body)
	default:
		http.NotFound(w, r)
	}
}

// served returns the paths of the requests so far.
func (i *realm) served() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return strings.Join(i.paths, " ")
}

// token returns a token of the issuer, which contains the public name.
func (i *realm) token() string { return i.Token(members{"iss": publicIssuer, "aud": audience}) }

// TestKeyOptions fetches the keys of an issuer from an address that is not in "iss". Only Config
// is necessary.
func TestKeyOptions(t *testing.T) {
	for _, row := range []struct {
		name    string
		dynamic bool // Keycloak's hostname-backchannel-dynamic
		issuer  string
		options func(*realm) *jwks.Options
		want    bearer.Reason
		text    string // in the error of Ready
		paths   string
	}{
		{"KeysURL", false, publicIssuer, func(i *realm) *jwks.Options { return &jwks.Options{KeysURL: i.keysURL()} }, "", "", "certs"},
		{"MetadataURL", true, publicIssuer, func(i *realm) *jwks.Options { return &jwks.Options{MetadataURL: i.metadataURL()} }, "", "", "openid-configuration certs"},
		{"MetadataURL, but the metadata names the public address of the keys", false, publicIssuer, func(i *realm) *jwks.Options {
			return &jwks.Options{MetadataURL: i.metadataURL(), Timeout: 200 * time.Millisecond, Transport: onlyLoopback{}}
		}, bearer.KeysUnavailable, publicIssuer, "openid-configuration"},
	} {
		t.Run(row.name, func(t *testing.T) {
			i := newRealm(t, row.dynamic)
			v, err := bearer.New(bearer.Config{Issuer: row.issuer, Audience: []string{audience}, KeyOptions: row.options(i)})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = v.Close() }()
			if err := v.Refresh(t.Context()); (err == nil) != (row.text == "") || err != nil && !strings.Contains(err.Error(), row.text) {
				t.Errorf("Refresh: got error %v, want %q", err, row.text)
			}
			claims, err := v.Verify(t.Context(), i.token())
			if got := reasonOf(t, err); got != row.want {
				t.Errorf("token: got reason %q (%v), want %q", got, err, row.want)
			}
			if err == nil && claims.Issuer() != publicIssuer {
				t.Errorf("issuer of the claims: got %q, want %q", claims.Issuer(), publicIssuer)
			}
			if _, err := v.Verify(t.Context(), i.Token(members{"iss": i.base(), "aud": audience})); !errors.Is(err, bearer.WrongIssuer) {
				t.Errorf("token with the inner name: got %v, want reason %q", err, bearer.WrongIssuer)
			}
			for path := range strings.FieldsSeq(row.paths) {
				if !strings.Contains(i.served(), path) {
					t.Errorf("requests: got %q, want %q", i.served(), path)
				}
			}
			if !strings.Contains(row.paths, "openid") && strings.Contains(i.served(), "well-known") {
				t.Errorf("requests: got %q, want no request for metadata", i.served())
			}
			status := v.Status()[0]
			if status.Issuer != publicIssuer || status.Keys.Issuer != publicIssuer {
				t.Errorf("names in the status: got %q and %q, want %q", status.Issuer, status.Keys.Issuer, publicIssuer)
			}
		})
	}
}

// onlyLoopback is a transport that refuses other hosts, so that the tests send nothing to a
// public address.
type onlyLoopback struct{}

func (onlyLoopback) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Hostname() != "127.0.0.1" {
		return nil, errors.New("not reachable from here")
	}
	return http.DefaultTransport.RoundTrip(r)
}

// TestKeyOptionsOfOddIssuers uses KeyOptions for issuers whose metadata cannot be derived from
// the issuer.
func TestKeyOptionsOfOddIssuers(t *testing.T) {
	const tenant = "11111111-2222-3333-4444-555555555555"
	for _, row := range []struct{ issuer, iss string }{
		{"stytch.com/project-1", "stytch.com/project-1"},
		{"https://login.microsoftonline.com/{tenantid}/v2.0", "https://login.microsoftonline.com/" + tenant + "/v2.0"},
		{"https://auth.example/.well-known/openid-configuration", "https://auth.example/.well-known/openid-configuration"},
	} {
		i := newRealm(t, false)
		cfg := bearer.Config{Issuer: row.issuer, Audience: []string{audience}, KeyOptions: &jwks.Options{KeysURL: i.keysURL()}}
		if strings.Contains(row.issuer, "{") {
			cfg.Tenants = []string{tenant}
		}
		v, err := bearer.New(cfg)
		if err != nil {
			t.Errorf("%s: %v", row.issuer, err)
			continue
		}
		if _, err := v.Verify(t.Context(), i.Token(members{"iss": row.iss, "aud": audience, "tid": tenant})); err != nil {
			t.Errorf("%s: %v", row.issuer, err)
		}
		_ = v.Close()
	}
}

// TestKeyOptionsErrors tests that the errors name fields of Config, and that a configuration with
// faults causes no request.
func TestKeyOptionsErrors(t *testing.T) {
	const wellKnown = "/.well-known/openid-configuration"
	for _, row := range []struct {
		name    string
		issuer  string
		options *jwks.Options
		keys    bearer.KeySet
		want    []string
	}{
		{"Keys too", publicIssuer, &jwks.Options{}, &jwks.Set{}, []string{"Config.KeyOptions: ", "Config.Keys"}},
		{"http", "http://keycloak:8080/realms/ci", nil, nil, []string{"Config.Issuer: ", "Config.KeyOptions.InsecureHTTP"}},
		{"http, metadata", publicIssuer, &jwks.Options{MetadataURL: "http://keycloak:8080/realms/ci" + wellKnown}, nil, []string{"Config.KeyOptions.MetadataURL: ", "Config.KeyOptions.InsecureHTTP"}},
		{"http, keys", publicIssuer, &jwks.Options{KeysURL: "http://keycloak:8080/realms/ci/protocol/openid-connect/certs"}, nil, []string{"Config.KeyOptions.KeysURL: ", "Config.KeyOptions.InsecureHTTP"}},
		{"keys and metadata", publicIssuer, &jwks.Options{KeysURL: "https://a.example/keys", MetadataURL: "https://a.example/m", MetadataIssuer: "x"}, nil, []string{"Config.KeyOptions.KeysURL: ", "MetadataURL"}},
		{"issuer is not a URL", "acme", nil, nil, []string{"Config.Issuer: ", `"acme"`, "Config.KeyOptions.KeysURL", "Config.Keys"}},
		{"another issuer", publicIssuer, &jwks.Options{Issuer: "https://other.example"}, nil, []string{"Config.KeyOptions.Issuer: ", "https://other.example"}},
		{"several", publicIssuer, &jwks.Options{Timeout: 5, MaxKeysPerID: -1, MaxRSACost: -2, Limits: &jwks.Limits{MaxFetches: -3}}, nil, []string{
			"Config.KeyOptions.Timeout: ", "Config.KeyOptions.MaxKeysPerID: ", "Config.KeyOptions.MaxRSACost: -2 ", "Config.KeyOptions.Limits.MaxFetches: -3",
		}},

		{"metadata as the issuer", publicIssuer + wellKnown, nil, nil, []string{"Config.Issuer: ", "metadata", fmt.Sprintf("%q", publicIssuer)}},
		{"metadata as the issuer, with a slash", publicIssuer + wellKnown + "/", nil, nil, []string{"Config.Issuer: ", fmt.Sprintf("%q", publicIssuer)}},
		{"metadata of RFC 8414", "https://auth.example/.well-known/oauth-authorization-server/realms/ci", nil, nil, []string{"Config.Issuer: ", `"https://auth.example/realms/ci"`}},
		{"metadata of RFC 8414, without a path", "https://auth.example/.well-known/oauth-authorization-server", nil, nil, []string{"Config.Issuer: ", `"https://auth.example"`}},
		{"metadata of the protected resource", "https://api.example/.well-known/oauth-protected-resource", nil, nil, []string{"Config.Issuer: ", "well-known"}},
		{"keys as the issuer: Keycloak", publicIssuer + "/protocol/openid-connect/certs", nil, nil, []string{"Config.Issuer: ", "key set", "Config.KeyOptions.KeysURL", fmt.Sprintf("%q", publicIssuer)}},
		{"keys as the issuer: Auth0", "https://acme.eu.auth0.com/.well-known/jwks.json", nil, nil, []string{"Config.Issuer: ", "key set", "Config.KeyOptions.KeysURL"}},
		{"keys as the issuer: Entra ID", "https://login.microsoftonline.com/common/discovery/v2.0/keys", nil, nil, []string{"Config.Issuer: ", "key set"}},
		{"keys as the issuer: Okta", "https://acme.okta.com/oauth2/default/v1/keys", nil, nil, []string{"Config.Issuer: ", "key set"}},
		{"keys as the issuer: Google", "https://www.googleapis.com/oauth2/v3/certs", nil, nil, []string{"Config.Issuer: ", "key set"}},
		{"keys as the issuer: Kubernetes", "https://kubernetes.default.svc/openid/v1/jwks", nil, nil, []string{"Config.Issuer: ", "key set"}},
		{"keys as the issuer: a file", "https://auth.example/keys/JWKS.json", nil, nil, []string{"Config.Issuer: ", "key set"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, more := range []struct {
				audience []string
				want     string
			}{{[]string{audience}, ""}, {nil, "Config.Audience"}} { // with faults of other fields too
				v, err := bearer.New(bearer.Config{Issuer: row.issuer, Audience: more.audience, KeyOptions: row.options, Keys: row.keys})
				if err == nil || v != nil {
					t.Fatalf("got verifier %v and error %v, want no verifier and an error", v, err)
				}
				for _, want := range append(row.want, more.want) {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("got error %q, want %q in the text", err, want)
					}
				}
				rest := strings.NewReplacer("Config.KeyOptions", "", "jwks.Options", "").Replace(err.Error())
				if strings.Contains(rest, "Options.") || strings.Contains(rest, "jwks:") {
					t.Errorf("got error %q, want only fields of Config", err)
				}
			}
		})
	}
	i := newRealm(t, true)
	if _, err := bearer.New(bearer.Config{Issuer: publicIssuer, KeyOptions: &jwks.Options{KeysURL: i.keysURL(), RefusePrivateAddresses: true}}); err == nil || strings.Contains(err.Error(), "KeyOptions") {
		t.Errorf("only Audience is missing: got error %v, want no error of KeyOptions", err)
	}
	if _, err := bearer.New(bearer.Config{Issuer: publicIssuer, KeyOptions: &jwks.Options{KeysURL: i.keysURL()}}); err == nil {
		t.Error("only Audience is missing: got no error, want one")
	}
	time.Sleep(100 * time.Millisecond) // a cache that was started fetches the keys now
	if got := i.served(); got != "" {
		t.Errorf("requests of a configuration with faults: got %q, want none", got)
	}
}

// An error for an issuer that cannot be parsed contains no password.
func TestIssuerWithPassword(t *testing.T) {
	_, err := bearer.New(bearer.Config{Issuer: "https://user:pass/word@issuer.test", Audience: []string{audience}})
	if err == nil || strings.Contains(err.Error(), "pass/") || strings.Contains(err.Error(), ":pass") || !strings.Contains(err.Error(), "Config.Issuer: ") {
		t.Errorf("got error %v, want one without the password", err)
	}
}

// TestReplaceWithKeyOptions tests that Replace keeps the keys if the options are equal, and
// fetches them again if the options differ.
func TestReplaceWithKeyOptions(t *testing.T) {
	observe := func(jwks.Event) {}
	shared := &jwks.Options{Observe: observe}
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("a.b.c"), 0o600); err != nil {
		t.Fatal(err)
	}
	closure := func(n int) func(jwks.Event) { return func(jwks.Event) { _ = n } }
	for _, row := range []struct {
		name     string
		old, new func(i *realm) *jwks.Options
		kept     bool
	}{
		{"another closure in a new value", func(i *realm) *jwks.Options { return &jwks.Options{KeysURL: i.keysURL(), Observe: closure(1)} }, func(i *realm) *jwks.Options {
			return &jwks.Options{KeysURL: i.keysURL(), Observe: closure(2)}
		}, false},
		{"the same values", func(i *realm) *jwks.Options {
			return &jwks.Options{KeysURL: i.keysURL(), AuthorizationFile: file, AuthorizationOrigins: []string{"https://a.example"}}
		}, func(i *realm) *jwks.Options {
			return &jwks.Options{KeysURL: i.keysURL(), AuthorizationFile: file, AuthorizationOrigins: []string{"https://a.example"}}
		}, true},
		{"different text", func(i *realm) *jwks.Options { return &jwks.Options{KeysURL: i.keysURL()} }, func(i *realm) *jwks.Options {
			return &jwks.Options{KeysURL: i.keysURL() + "?v=2"}
		}, false},
		{"different flag", func(i *realm) *jwks.Options { return &jwks.Options{KeysURL: i.keysURL(), InsecureHTTP: true} }, func(i *realm) *jwks.Options {
			return &jwks.Options{KeysURL: i.keysURL()}
		}, false},
		{"different list", func(i *realm) *jwks.Options {
			return &jwks.Options{KeysURL: i.keysURL(), AuthorizationFile: file, AuthorizationOrigins: []string{"https://a.example"}}
		}, func(i *realm) *jwks.Options { return &jwks.Options{KeysURL: i.keysURL(), AuthorizationFile: file} }, false},
		{"the same pointer", func(i *realm) *jwks.Options { shared.KeysURL = i.keysURL(); return shared }, func(*realm) *jwks.Options { return shared }, true},
		{"the same pointer, changed", func(i *realm) *jwks.Options { shared.KeysURL = i.keysURL(); return shared }, func(*realm) *jwks.Options {
			shared.KeysURL += "?changed"
			return shared
		}, false},
		{"functions behind different pointers", func(i *realm) *jwks.Options { return &jwks.Options{KeysURL: i.keysURL(), Observe: observe} }, func(i *realm) *jwks.Options {
			return &jwks.Options{KeysURL: i.keysURL(), Observe: observe}
		}, false},
		{"transport that cannot be compared", func(i *realm) *jwks.Options {
			return &jwks.Options{KeysURL: i.keysURL(), Transport: uncomparable{}}
		}, func(i *realm) *jwks.Options { return &jwks.Options{KeysURL: i.keysURL(), Transport: uncomparable{}} }, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			i := newRealm(t, true)
			var issuers bearer.Issuers
			defer func() { _ = issuers.Close() }()
			cfg := bearer.Config{Issuer: publicIssuer, Audience: []string{audience}, KeyOptions: row.old(i)}
			if err := issuers.Add(cfg); err != nil {
				t.Fatal(err)
			}
			if _, err := issuers.Verify(t.Context(), i.token()); err != nil {
				t.Fatal(err)
			}
			cfg.KeyOptions = row.new(i)
			if err := issuers.Replace(cfg); err != nil {
				t.Fatal(err)
			}
			if _, err := issuers.Verify(t.Context(), i.token()); err != nil {
				t.Errorf("after Replace: got error %v, want none", err)
			}
			if got := strings.Count(i.served(), "certs") == 1; got != row.kept {
				t.Errorf("requests: got %q, want the old keys = %v", i.served(), row.kept)
			}
		})
	}
}

// uncomparable is a transport that panics if it is compared.
type uncomparable struct{ _ []int }

func (uncomparable) RoundTrip(r *http.Request) (*http.Response, error) {
	return http.DefaultTransport.RoundTrip(r)
}

// TestKeyOptionsAreCopied changes the options after New has returned. The verifier must not change.
func TestKeyOptionsAreCopied(t *testing.T) {
	i := newRealm(t, true)
	opts := &jwks.Options{KeysURL: i.keysURL()}
	v, err := bearer.New(bearer.Config{Issuer: publicIssuer, Audience: []string{audience}, KeyOptions: opts})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = v.Close() }()
	*opts = jwks.Options{KeysURL: "https://other.example"}
	if _, err := v.Verify(t.Context(), i.token()); err != nil {
		t.Errorf("got error %v, want none", err)
	}
	if opts.Limits != nil || opts.Logger != nil || opts.KeysURL != "https://other.example" {
		t.Errorf("options of the caller: got %v, want no change", opts)
	}
}

// TestLimitsOfKeyOptions tests that KeyOptions.Limits takes precedence over Issuers.Limits.
func TestLimitsOfKeyOptions(t *testing.T) {
	i := newRealm(t, true)
	issuers := bearer.Issuers{Limits: jwks.Limits{MaxFetches: 3}}
	defer func() { _ = issuers.Close() }()
	own := &jwks.Limits{MaxFetches: -1}
	cfg := bearer.Config{Issuer: publicIssuer, Audience: []string{audience}, KeyOptions: &jwks.Options{KeysURL: i.keysURL(), Limits: own}}
	if err := issuers.Add(cfg); err == nil || !strings.Contains(err.Error(), "Config.KeyOptions.Limits.MaxFetches: -1") {
		t.Errorf("got error %v, want an error of the Limits in KeyOptions", err)
	}
	own.MaxFetches = 2
	if err := issuers.Add(cfg); err != nil {
		t.Fatal(err)
	}
	if cfg.KeyOptions.Limits != own {
		t.Error("KeyOptions of the caller were changed")
	}
}
