package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/auth/extauth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"

	"github.com/bearerkit/bearer/bearertest"
)

// serve runs the program with additional arguments. It returns the issuer and the resource.
func serve(t *testing.T, args ...string) (issuer *bearertest.Issuer, resource string) {
	t.Helper()
	issuer = bearertest.NewIssuer(&bearertest.Options{Algorithms: []string{"ES256"}})
	t.Cleanup(issuer.Close)
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, append([]string{"-addr", "127.0.0.1:0", "-issuer", issuer.URL()}, args...), in)
		_ = in.CloseWithError(err)
		ended <- err
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: got error %v, want no error", err)
		}
	})
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }()
	return issuer, strings.TrimSpace(line)
}

// connect opens a session with a client of the SDK. The client has only the URL of the
// server and its own credentials.
func connect(t *testing.T, resource, id string) (*mcp.ClientSession, *trail, error) {
	t.Helper()
	trail := &trail{next: &http.Transport{}}
	t.Cleanup(trail.next.CloseIdleConnections)
	client := &http.Client{Transport: trail}
	credentials, err := extauth.NewClientCredentialsHandler(&extauth.ClientCredentialsHandlerConfig{
		Credentials: &oauthex.ClientCredentials{ClientID: id, ClientSecretAuth: &oauthex.ClientSecretAuth{ClientSecret: "secret of " + id}},
		HTTPClient:  client,
	})
	if err != nil {
		t.Fatal(err)
	}
	session, err := mcp.NewClient(&mcp.Implementation{Name: "agent", Version: "1.0.0"}, nil).Connect(t.Context(),
		&mcp.StreamableClientTransport{Endpoint: resource, HTTPClient: client, OAuthHandler: credentials}, nil)
	if err == nil {
		t.Cleanup(func() { _ = session.Close() })
	}
	return session, trail, err
}

// call calls a tool and returns the text of its result.
func call(t *testing.T, session *mcp.ClientSession, tool string, args any) (answer string, failed bool) {
	t.Helper()
	result, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: tool, Arguments: args})
	if err != nil {
		t.Fatal(err)
	}
	for _, content := range result.Content {
		if text, ok := content.(*mcp.TextContent); ok {
			answer += text.Text
		}
	}
	return answer, result.IsError
}

// TestDiscovery tests that a client finds the authorization server through the challenge and
// the metadata. The client must then get a token and call tools.
func TestDiscovery(t *testing.T) {
	issuer, resource := serve(t)
	issuer.AddClient(bearertest.Client{ID: "ci", Secret: "secret of ci", Audience: []string{resource}, Scopes: []string{"tools:call"}})
	session, trail, err := connect(t, resource, "ci")
	if err != nil {
		t.Fatal(err)
	}
	host := strings.TrimSuffix(resource, "/mcp")
	want := []string{
		"POST " + resource + " 401",
		"GET " + host + "/.well-known/oauth-protected-resource/mcp 200",
		"GET " + issuer.URL() + "/.well-known/oauth-authorization-server 200",
		"POST " + issuer.TokenURL() + " 200",
		"POST " + resource + " 200",
	}
	if got := trail.takeSteps(); len(got) < len(want) || !slices.Equal(got[:len(want)], want) {
		t.Errorf("got requests\n%s\nwant requests that begin with\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got, failed := call(t, session, "whoami", nil); got != "ci with tools:call" || failed {
		t.Errorf("whoami: got result %q (failed: %v), want result %q (failed: false)", got, failed, "ci with tools:call")
	}
	if got, failed := call(t, session, "deploy", map[string]any{"name": "web"}); !strings.Contains(got, "deploy:applications") || !failed {
		t.Errorf("deploy: got result %q (failed: %v), want a failed call that names the missing scope", got, failed)
	}
	// The client caches its token.
	if got := issuer.Fetches(bearertest.TokenEndpoint); got != 1 {
		t.Errorf("got %d token requests, want 1 token request", got)
	}
}

func TestToolWithScope(t *testing.T) {
	issuer, resource := serve(t)
	// The tokens of this client grant more scopes than the client requests.
	issuer.AddClient(bearertest.Client{ID: "cd", Secret: "secret of cd", Audience: []string{resource}, Scopes: []string{"tools:call"}, Claims: map[string]any{"scope": "tools:call deploy:applications"}})
	session, _, err := connect(t, resource, "cd")
	if err != nil {
		t.Fatal(err)
	}
	if got, failed := call(t, session, "deploy", map[string]any{"name": "web"}); got != "deploying web for cd" || failed {
		t.Errorf("deploy: got result %q (failed: %v), want result %q (failed: false)", got, failed, "deploying web for cd")
	}
}

func TestRefused(t *testing.T) {
	issuer, resource := serve(t)
	issuer.AddClient(bearertest.Client{ID: "elsewhere", Secret: "secret of elsewhere", Audience: []string{"https://other.example"}, Scopes: []string{"tools:call"}})
	issuer.AddClient(bearertest.Client{ID: "scopeless", Secret: "secret of scopeless", Audience: []string{resource}, Claims: map[string]any{"scope": nil}})
	for _, id := range []string{"elsewhere", "scopeless", "stranger"} {
		if _, trail, err := connect(t, resource, id); err == nil {
			t.Errorf("%s: got a session after the requests %q, want an error", id, trail.takeSteps())
		}
	}
}

// TestSessionOfAnotherUser tests that only the user that opened a session can use the session.
// Other users must be refused even if they send a valid token.
func TestSessionOfAnotherUser(t *testing.T) {
	issuer, resource := serve(t)
	scope := map[string]any{"aud": resource, "scope": "tools:call"}
	status, opened := post(t, resource, "", issuer.Token(scope), `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}}`)
	session := opened.Get("Mcp-Session-Id")
	if status != http.StatusOK || session == "" {
		t.Fatalf("initialize: got status %d and session %q, want status 200 and a session", status, session)
	}
	for _, row := range []struct {
		name, subject string
		status        int
	}{{"same user", "client", http.StatusAccepted}, {"different user", "mallory", http.StatusForbidden}} {
		scope["sub"] = row.subject
		if got, _ := post(t, resource, session, issuer.Token(scope), `{"jsonrpc":"2.0","method":"notifications/initialized"}`); got != row.status {
			t.Errorf("%s: got status %d, want status %d", row.name, got, row.status)
		}
	}
	if got, _ := post(t, resource, session, "", `{"jsonrpc":"2.0","method":"notifications/initialized"}`); got != http.StatusUnauthorized {
		t.Errorf("no token: got status %d, want status 401", got)
	}
}

// post sends a message to the endpoint, with the header fields that a client of MCP sends.
func post(t *testing.T, resource, session, token, message string) (status int, header http.Header) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, resource, strings.NewReader(message))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	if session != "" {
		r.Header.Set("Mcp-Session-Id", session)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header
}
