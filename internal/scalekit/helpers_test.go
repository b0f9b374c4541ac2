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

// environment is an environment on a test server, with the credentials that New returned.
type environment struct {
	*scalekit.Environment
	scalekit.Credentials

	url         string
	client      *http.Client
	certificate *x509.Certificate // nil without TLS
}

// startEnvironment serves an environment over HTTP/1.1 without TLS.
func startEnvironment(t *testing.T) environment {
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

// jsonResponse is a response with a JSON object as the body. The field members contains the
// members of this object.
type jsonResponse struct {
	*http.Response
	members map[string]any
}

// sendRequest sends a request. The response must have a JSON object as the body.
func (env environment) sendRequest(t *testing.T, method, path, contentType, body string, authorization ...string) jsonResponse {
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
		t.Fatalf("%s %s: got Content-Type %q, want Content-Type application/json; status %s, body %s", method, path, got, response.Status, raw)
	}
	return jsonResponse{response, object(t, raw)}
}

// requestToken sends a token request with the credentials in the body.
func (env environment) requestToken(t *testing.T, id, secret string) jsonResponse {
	t.Helper()
	values := url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}}
	return env.sendRequest(t, http.MethodPost, "/oauth/token", "application/x-www-form-urlencoded", values.Encode())
}

func (env environment) adminToken(t *testing.T) string {
	t.Helper()
	return text(t, env.requestToken(t, env.ClientID, env.ClientSecret).members, "access_token")
}

// postClient sends a request to register a client.
func (env environment) postClient(t *testing.T, body string) jsonResponse {
	t.Helper()
	return env.callAdmin(t, http.MethodPost, env.clientsPath(), body)
}

// callAdmin sends a request to the admin API, with a token of the environment's own client.
func (env environment) callAdmin(t *testing.T, method, path, body string) jsonResponse {
	t.Helper()
	return env.sendRequest(t, method, path, "application/json", body, "Bearer "+env.adminToken(t))
}

// clientsPath returns the path that lists the clients of the first organization.
func (env environment) clientsPath() string {
	return "/api/v1/organizations/" + env.OrganizationID + "/clients"
}

// memberAt follows the member names in path through nested objects and returns the value of
// the last member.
func memberAt(t *testing.T, members map[string]any, path ...string) any {
	t.Helper()
	var value any = members
	for _, name := range path {
		object, ok := value.(map[string]any)
		if !ok {
			t.Fatalf("path %v: got value %v for the parent of member %s, want an object", path, value, name)
		}
		value = object[name]
	}
	return value
}

func object(t *testing.T, raw []byte) map[string]any {
	t.Helper()
	var members map[string]any
	if err := json.Unmarshal(raw, &members); err != nil {
		t.Fatalf("got body %q, want a JSON object; error: %v", raw, err)
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
		t.Fatalf("member %s: got %v, want a string", name, members[name])
	}
	return value
}
