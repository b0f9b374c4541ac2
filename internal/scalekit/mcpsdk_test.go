package scalekit_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// TestMCPSDKs runs the two SDKs for TypeScript of the Model Context Protocol. Each SDK gets only
// the URL of a protected MCP server, the issuer and the credentials of a client. It must find the
// token endpoint in the metadata of the environment, get a token, and call a tool.
func TestMCPSDKs(t *testing.T) {
	folder := installPackages(t, "mcpsdk", "client.js")
	for _, sdk := range []string{"@modelcontextprotocol/sdk", "@modelcontextprotocol/client"} {
		t.Run(sdk, func(t *testing.T) {
			env := startEnvironment(t)
			resource := serveMCP(t, env)
			c := env.registerClient(t, `{"name":"agent","scopes":["tools:call"],"audience":["`+resource.url+`"]}`)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			command := exec.CommandContext(ctx, "node", "client.js", sdk) //nolint:gosec // the arguments are constants
			command.Dir = folder
			command.Env = append(os.Environ(), "RESOURCE="+resource.url, "ISSUER="+env.url, "CLIENT_ID="+c.id, "CLIENT_SECRET="+c.plain)
			out, err := command.CombinedOutput()
			if err != nil || !strings.Contains(string(out), "whoami: "+c.id) {
				t.Errorf("got error %v, want no error and the output \"whoami: %s\"; output:\n%s", err, c.id, out)
			}
			if refused := resource.refused(); refused == 0 {
				t.Error("got no refused request, want a request without a token first")
			}
		})
	}
}

// mcpServer is a protected MCP server with the tool whoami.
type mcpServer struct {
	url   string
	mu    sync.Mutex // guards count
	count int        // the number of refused requests
}

func (s *mcpServer) refused() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// serveMCP serves an MCP server that accepts tokens of the environment.
func serveMCP(t *testing.T, env environment) *mcpServer {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	s := &mcpServer{url: "http://" + server.Listener.Addr().String() + "/mcp"}
	verifier, err := bearer.New(bearer.Config{Issuer: env.url, Audience: []string{s.url}, Profile: bearer.Scalekit})
	if err != nil {
		t.Fatal(err)
	}
	guard, err := middleware.New(verifier, &middleware.Options{
		Resource: s.url,
		Observer: bearer.ObserverFunc(func(_ context.Context, e bearer.Event) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if e.Reason != "" {
				s.count++
			}
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(guard.Metadata())
	guard.Handle(mux, "/mcp", scopes.All("tools:call"), http.HandlerFunc(answerMCP))
	server.Config.Handler = mux
	server.Start()
	t.Cleanup(func() {
		server.Close()
		if err := verifier.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// answerMCP answers the messages of a client that initializes a session and calls the tool
// whoami, without streams and without sessions.
func answerMCP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	var message struct {
		ID     any    `json:"id"`
		Method string `json:"method"`
		Params struct {
			ProtocolVersion string `json:"protocolVersion"`
		} `json:"params"`
	}
	if err := json.UnmarshalRead(http.MaxBytesReader(w, r.Body, 1<<20), &message); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if message.ID == nil { // a notification
		w.WriteHeader(http.StatusAccepted)
		return
	}
	answer := map[string]any{"jsonrpc": "2.0", "id": message.ID}
	switch message.Method {
	case "initialize":
		answer["result"] = map[string]any{
			"protocolVersion": message.Params.ProtocolVersion, "capabilities": map[string]any{"tools": map[string]any{}},
			"serverInfo": map[string]any{"name": "test", "version": "1.0.0"},
		}
	case "tools/list":
		answer["result"] = map[string]any{"tools": []any{map[string]any{"name": "whoami", "inputSchema": map[string]any{"type": "object"}}}}
	case "tools/call":
		claims, _ := bearer.FromContext(r.Context())
		answer["result"] = map[string]any{"content": []any{map[string]any{"type": "text", "text": claims.ClientID()}}}
	default:
		answer["error"] = map[string]any{"code": -32601, "message": fmt.Sprintf("no method %.40q", message.Method)}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.MarshalWrite(w, answer)
}
