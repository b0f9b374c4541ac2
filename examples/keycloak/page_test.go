package main

import (
	"errors"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/jwks"
)

// toServer is a transport that sends the requests for one host to a server, and fails for other
// hosts.
type toServer struct {
	host   string
	server *url.URL
}

func (s toServer) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != s.host {
		return nil, errors.New("the network of the containers has no " + r.URL.Host)
	}
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host = s.server.Scheme, s.server.Host
	return http.DefaultTransport.RoundTrip(r)
}

// The functions below contain the configurations of docs/keycloak.md, line by line.
func pageConfig() bearer.Config {
	return bearer.Config{
		Issuer:   "https://auth.example.com/realms/ci", // iss of the tokens
		Audience: []string{"deployments"},
		Profile:  bearer.Keycloak,
		KeyOptions: &jwks.Options{
			MetadataURL:  "http://keycloak:8080/realms/ci/.well-known/openid-configuration",
			InsecureHTTP: true, // only this network can change the keys
		},
	}
}

func pageConfigWithoutMetadata() bearer.Config {
	cfg := pageConfig()
	cfg.KeyOptions = &jwks.Options{
		KeysURL:      "http://keycloak:8080/realms/ci/protocol/openid-connect/certs",
		InsecureHTTP: true,
	}
	return cfg
}

// TestPage runs the Go configurations of docs/keycloak.md with both values of
// hostname-backchannel-dynamic. The host keycloak:8080 is a server of the test.
func TestPage(t *testing.T) {
	for _, row := range []struct {
		name    string
		config  bearer.Config
		dynamic bool
		want    bearer.Reason
	}{
		{"MetadataURL, dynamic", pageConfig(), true, ""},
		{"MetadataURL, without dynamic", pageConfig(), false, bearer.KeysUnavailable},
		{"KeysURL, dynamic", pageConfigWithoutMetadata(), true, ""},
		{"KeysURL, without dynamic", pageConfigWithoutMetadata(), false, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			k := newFakeKeycloak(t, "https://auth.example.com", row.dynamic, false)
			k.inner = "http://keycloak:8080"
			server, err := url.Parse(k.Server.URL)
			if err != nil {
				t.Fatal(err)
			}
			row.config.KeyOptions.Transport = toServer{"keycloak:8080", server}
			v, err := bearer.New(row.config)
			if err != nil {
				t.Fatal(err)
			}
			defer v.Close()
			claims, err := v.Verify(t.Context(), k.token(nil))
			if row.want != "" {
				if !errors.Is(err, row.want) {
					t.Errorf("got error %v, want reason %q", err, row.want)
				}
				return
			}
			if err != nil || claims.ClientID() != "reader" || !claims.Scopes().Has("read:deployments") {
				t.Errorf("got claims %v and error %v, want the claims of the client reader", claims, err)
			}
		})
	}
}

// TestPageHasTheseLines checks that this file contains each line of the page's two configurations.
func TestPageHasTheseLines(t *testing.T) {
	page, err := os.ReadFile("../../docs/keycloak.md")
	if err != nil {
		t.Skip("this copy has no docs/keycloak.md")
	}
	source, err := os.ReadFile("page_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## The configuration in Go\n")
	section, _, _ = strings.Cut(section, "\n## ")
	blocks := regexp.MustCompile("(?s)\n```go\n[^\n]*\n(.*?)\n```").FindAllStringSubmatch(section, -1)
	if len(blocks) != 2 {
		t.Fatalf("got %d blocks, want 2", len(blocks))
	}
	for _, block := range blocks {
		for line := range strings.Lines(block[1]) {
			if line = strings.TrimSpace(line); !strings.Contains(string(source), "\t"+line) && line != "})" {
				t.Errorf("got no line %q in page_test.go, want the lines of the page", line)
			}
		}
	}
}
