package middleware

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// checkWebSocket returns one error for each mistake in Options.WebSocket.
func checkWebSocket(patterns []string) []error {
	var errs []error
	for i, pattern := range patterns {
		if pattern == "" {
			errs = append(errs, fmt.Errorf("Options.WebSocket: the pattern at index %d is empty; want the pattern of a route", i))
		} else if slices.Index(patterns, pattern) < i {
			errs = append(errs, fmt.Errorf("Options.WebSocket: the pattern %q occurs twice", pattern))
		}
	}
	return errs
}

// routeKey is the key of the route's pattern in a context. The key contains the guard,
// because another guard can use the same pattern for a different rule.
type routeKey struct{ guard *Guard }

// withRoute adds the pattern of the route to ctx if the proxy needs the pattern. A nested
// guard replaces the pattern of the outer guard.
func (g *Guard) withRoute(r *http.Request, ctx context.Context, route string) context.Context { //nolint:revive // ctx is the context of another request
	if len(g.opts.WebSocket) == 0 || len(r.Header["Upgrade"]) == 0 {
		return ctx
	}
	return context.WithValue(ctx, routeKey{g}, route)
}

// upgrades reports whether the proxy may pass the upgrade that r asks for. It is a WebSocket
// handshake (RFC 6455, section 4.1) without a body, and Options.WebSocket names the pattern
// whose rule the guard has applied.
func (g *Guard) upgrades(r *http.Request) bool {
	route, ok := r.Context().Value(routeKey{g}).(string)
	return ok && slices.Contains(g.opts.WebSocket, route) &&
		r.Method == http.MethodGet && r.ProtoMajor == 1 && r.ProtoMinor == 1 && r.ContentLength == 0 &&
		len(r.Header["Upgrade"]) == 1 && strings.EqualFold(r.Header["Upgrade"][0], "websocket") &&
		hasToken(r.Header["Connection"], "upgrade")
}

// hasToken reports whether one of the comma-separated lists contains token. Letter case does
// not matter.
func hasToken(lists []string, token string) bool {
	return slices.ContainsFunc(lists, func(list string) bool {
		return slices.ContainsFunc(strings.Split(list, ","), func(item string) bool {
			return strings.EqualFold(strings.Trim(item, " \t"), token)
		})
	})
}
