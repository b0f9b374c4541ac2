package main

import (
	"context"
	"fmt"
	"net/http"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// The endpoint requires callTools. The tool deploy also requires deployApps.
var (
	callTools  = scopes.All("tools:call")
	deployApps = scopes.All("deploy:applications")
)

// newHandler returns a handler that serves MCP at /mcp. The handler also serves the resource
// metadata, in which clients find the authorization server.
func newHandler(guard *middleware.Guard) http.Handler {
	server := mcp.NewServer(&mcp.Implementation{Name: "deployments", Version: "1.0.0"}, nil)
	mcp.AddTool(server, &mcp.Tool{Name: "whoami", Description: "Returns the caller."}, whoami)
	mcp.AddTool(server, &mcp.Tool{Name: "deploy", Description: "Deploys an application."}, deploy)
	streamable := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, nil)

	mux := http.NewServeMux()
	mux.Handle(guard.Metadata())
	guard.Handle(mux, "/mcp", callTools, passCaller(streamable))
	return mux
}

// passCaller passes the caller from the guard to the SDK. The SDK binds each session to the
// user that opened the session, and passes the caller of each request to the tools.
func passCaller(next http.Handler) http.Handler {
	return auth.RequireBearerToken(func(ctx context.Context, _ string, _ *http.Request) (*auth.TokenInfo, error) {
		claims, ok := bearer.FromContext(ctx)
		if !ok {
			return nil, auth.ErrInvalidToken // the request did not pass the guard
		}
		return &auth.TokenInfo{
			// A subject is unique only within its issuer (RFC 8725, section 3.8).
			UserID:     claims.Issuer() + " " + claims.Subject(),
			Expiration: claims.ValidUntil(), // not ExpiresAt: the SDK refuses the call from this time on
			Extra:      map[string]any{"claims": claims},
		}, nil
	}, nil)(next)
}

// caller returns the claims of the request. It does not use bearer.FromContext, because the
// context of a tool call belongs to the request that opened the session. The request that
// opened the session may have carried a different token.
func caller(request *mcp.CallToolRequest) (*bearer.Claims, error) {
	if extra := request.GetExtra(); extra != nil && extra.TokenInfo != nil {
		if claims, ok := extra.TokenInfo.Extra["claims"].(*bearer.Claims); ok {
			return claims, nil
		}
	}
	return nil, fmt.Errorf("no caller: %w", bearer.NoToken)
}

func whoami(_ context.Context, request *mcp.CallToolRequest, _ struct{}) (*mcp.CallToolResult, any, error) {
	claims, err := caller(request)
	if err != nil {
		return nil, nil, err
	}
	return text("%s with %s", claims.ClientID(), claims.Scopes()), nil, nil
}

type application struct {
	Name string `json:"name" jsonschema:"the application to deploy"`
}

func deploy(ctx context.Context, request *mcp.CallToolRequest, app application) (*mcp.CallToolResult, any, error) {
	claims, err := caller(request)
	if err != nil {
		return nil, nil, err
	}
	if err := deployApps.Allow(ctx, claims.Scopes()); err != nil {
		return nil, nil, err
	}
	return text("deploying %s for %s", app.Name, claims.ClientID()), nil, nil
}

func text(format string, args ...any) *mcp.CallToolResult {
	return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: fmt.Sprintf(format, args...)}}}
}
