package scalekit_test

import (
	"crypto/x509"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/bearerkit/bearer/internal/scalekit"
)

// environment is an environment that a test server serves, and the credentials that New
// returned.
type environment struct {
	*scalekit.Environment
	scalekit.Credentials

	url         string
	client      *http.Client
	certificate *x509.Certificate // nil without TLS
}

// start serves an environment over HTTP/1.1 without TLS.
func start(t *testing.T) environment {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	address := "http://" + server.Listener.Addr().String()
	env, credentials, err := scalekit.New(scalekit.Config{URL: address})
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = env.Handler()
	server.Start()
	t.Cleanup(server.Close)
	return environment{env, credentials, address, server.Client(), nil}
}

// answer is a response and the members of its JSON body.
type answer struct {
	*http.Response
	members map[string]any
}

// do makes a request. The response must be JSON.
func (env environment) do(t *testing.T, method, path, contentType, body string, authorization ...string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, env.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", contentType)
	request.Header["Authorization"] = authorization
	response, err := env.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got := response.Header.Get("Content-Type"); got != "application/json" {
		t.Fatalf("%s %s: got %s with Content-Type %q, want application/json: %s", method, path, response.Status, got, raw)
	}
	return answer{response, object(t, raw)}
}

// grant requests a token, with the credentials in the body.
func (env environment) grant(t *testing.T, id, secret string) answer {
	t.Helper()
	values := url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}}
	return env.do(t, http.MethodPost, "/oauth/token", "application/x-www-form-urlencoded", values.Encode())
}

func (env environment) adminToken(t *testing.T) string {
	t.Helper()
	return text(t, env.grant(t, env.ClientID, env.ClientSecret).members, "access_token")
}

// create registers a client.
func (env environment) create(t *testing.T, body string) answer {
	t.Helper()
	return env.admin(t, http.MethodPost, env.clients(), body)
}

// admin makes an admin call with a token of the environment's own client.
func (env environment) admin(t *testing.T, method, path, body string) answer {
	t.Helper()
	return env.do(t, method, path, "application/json", body, "Bearer "+env.adminToken(t))
}

// clients returns the path of the first organization's clients.
func (env environment) clients() string {
	return "/api/v1/organizations/" + env.OrganizationID + "/clients"
}

// member returns the member at a path of nested objects.
func member(t *testing.T, members map[string]any, path ...string) any {
	t.Helper()
	var value any = members
	for _, name := range path {
		object, ok := value.(map[string]any)
		if !ok {
			t.Fatalf("got %v at %s of %v, want an object", value, name, path)
		}
		value = object[name]
	}
	return value
}

func object(t *testing.T, raw []byte) map[string]any {
	t.Helper()
	var members map[string]any
	if err := json.Unmarshal(raw, &members); err != nil {
		t.Fatalf("got %q, want a JSON object: %v", raw, err)
	}
	return members
}

// claimsOf decodes the claims of a token.
func claimsOf(t *testing.T, token string) map[string]any {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	return object(t, raw)
}

func text(t *testing.T, members map[string]any, name string) string {
	t.Helper()
	value, ok := members[name].(string)
	if !ok {
		t.Fatalf("got %s %v, want a string", name, members[name])
	}
	return value
}
