package middleware

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/bearerkit/bearer/internal/quote"
)

// checkWebSocket returns one error for each mistake in Options.WebSocket.
func checkWebSocket(patterns []string) []error {
	var errs []error
	for i, pattern := range patterns {
		if pattern == "" {
			errs = append(errs, fmt.Errorf("Options.WebSocket: the pattern at index %d is empty; want the pattern of a route", i))
		} else if slices.Index(patterns, pattern) < i {
			errs = append(errs, fmt.Errorf("Options.WebSocket: the pattern %q occurs twice", pattern))
		} else if method, path := splitMethod(pattern); strings.TrimSpace(path) != path || path == "" {
			errs = append(errs, fmt.Errorf("Options.WebSocket: the pattern %q has a blank at its start or end", pattern))
		} else if method != "" && method != http.MethodGet {
			errs = append(errs, fmt.Errorf("Options.WebSocket: the pattern %q has the method %q; a WebSocket handshake has the method %q", pattern, method, http.MethodGet))
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
	if len(r.Header["Upgrade"]) == 0 {
		return ctx
	}
	return context.WithValue(ctx, routeKey{g}, route)
}

// upgrades reports whether the proxy may pass the upgrade that r asks for. It is a WebSocket
// handshake, and Options.WebSocket names the pattern whose rule the guard has applied. If the
// proxy does not pass a handshake because of its pattern, the guard logs the pattern.
func (g *Guard) upgrades(r *http.Request) bool {
	if !isHandshake(r) {
		return false
	}
	route, ok := r.Context().Value(routeKey{g}).(string)
	switch {
	case ok && route != "" && slices.Contains(g.opts.WebSocket, route):
		return true
	case !ok:
		route = "(no rule of this guard)"
	case route == "":
		route = "(no pattern)"
	}
	g.logUnpassed(r, route)
	return false
}

// isHandshake reports whether r is a WebSocket handshake (RFC 6455, section 4.1) without a
// body.
func isHandshake(r *http.Request) bool {
	return r.Method == http.MethodGet && r.ProtoMajor == 1 && r.ProtoMinor == 1 && r.ContentLength == 0 &&
		len(r.Header["Upgrade"]) == 1 && strings.EqualFold(r.Header["Upgrade"][0], "websocket") &&
		hasToken(r.Header["Connection"], "upgrade")
}

// logUnpassed logs the route of a handshake that the proxy does not pass. It recovers from a
// panic of the log handler, so that the panic does not affect the request.
func (g *Guard) logUnpassed(r *http.Request, route string) {
	requests, routes := g.unpassed.record(quote.EscapeTo(route, maxPath))
	if requests == 0 {
		return
	}
	defer func() { _ = recover() }()
	g.logger().LogAttrs(r.Context(), slog.LevelWarn, "bearer: proxy did not pass a WebSocket handshake",
		slog.String("route", strings.Join(routes, ", ")), slog.Int("requests", requests),
		slog.String("help", "Options.WebSocket does not contain this pattern"))
}

// hasToken reports whether one of the comma-separated lists contains token. Letter case does
// not matter.
func hasToken(lists []string, token string) bool {
	for _, list := range lists {
		for item := range strings.SplitSeq(list, ",") {
			if strings.EqualFold(trimBlanks(item), token) {
				return true
			}
		}
	}
	return false
}
