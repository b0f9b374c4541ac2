package middleware_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// roundTripper is a service without a network.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answering returns the guard's proxy to a service that answers 200 to every request.
func answering(guard *middleware.Guard) http.Handler {
	proxy := guard.Proxy(&url.URL{Scheme: "http", Host: "service.example"})
	proxy.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
	})
	return proxy
}

// handshake returns a WebSocket handshake.
func handshake(target string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, target, http.NoBody)
	r.Header = http.Header{"Upgrade": {"websocket"}, "Connection": {"Upgrade"}, "Sec-Websocket-Key": {"secret"}, "X-Original": {"x"}}
	return r
}

// TestProxyLogsHandshakes checks that the guard logs a handshake that the proxy does not pass
// because Options.WebSocket does not contain the pattern. It logs nothing for other requests.
func TestProxyLogsHandshakes(t *testing.T) {
	const noPattern, noGuard = "(no pattern)", "(no rule of this guard)"
	for _, row := range []struct {
		name      string
		webSocket []string
		change    func(*http.Request)
		target    string
		route     string // of the record; "" if there is no record
	}{
		{"misspelt", []string{"GET /w/"}, nil, "/ws/room?secret", "GET /ws/"},
		{"without the method", []string{"/ws/"}, nil, "/ws/room", "GET /ws/"},
		{"no option", nil, nil, "/ws/room", "GET /ws/"},
		{"no pattern", []string{"GET /ws/"}, nil, "/plain", noPattern},
		{"no guard", []string{"GET /ws/"}, nil, "/unguarded", noGuard},
		{"other guard", []string{"GET /ws/"}, nil, "/other", noGuard},
		{"HTTP/1.0", []string{"GET /w/"}, func(r *http.Request) { r.ProtoMinor = 0 }, "/ws/room", ""},
		{"HEAD", []string{"GET /w/"}, func(r *http.Request) { r.Method = http.MethodHead }, "/ws/room", ""},
		{"h2c", []string{"GET /w/"}, func(r *http.Request) { r.Header["Upgrade"] = []string{"h2c"} }, "/ws/room", ""},
		{"two protocols", []string{"GET /w/"}, func(r *http.Request) { r.Header["Upgrade"] = []string{"websocket", "h2c"} }, "/ws/room", ""},
		{"no upgrade", []string{"GET /w/"}, func(r *http.Request) { delete(r.Header, "Upgrade") }, "/ws/room", ""},
		{"no Connection field", []string{"GET /w/"}, func(r *http.Request) { delete(r.Header, "Connection") }, "/ws/room", ""},
		{"body", []string{"GET /w/"}, func(r *http.Request) { r.ContentLength = 1 }, "/ws/room", ""},
		{"refused", []string{"GET /w/"}, nil, "/closed", ""},
	} {
		out := new(testkit.Buffer)
		guard := refuser(t, bearer.UnknownKey, &middleware.Options{WebSocket: row.webSocket, Logger: slog.New(slog.NewJSONHandler(out, nil))})
		proxy, mux := answering(guard), http.NewServeMux()
		guard.Handle(mux, "GET /ws/", scopes.Public(), proxy)
		guard.Handle(mux, "GET /closed", scopes.All("x"), proxy)
		mux.Handle("/other", refuser(t, bearer.UnknownKey, nil).Require(scopes.Public())(proxy))
		mux.Handle("/unguarded", proxy)
		plain := guard.Require(scopes.Public())(proxy)
		r := handshake(row.target)
		if row.change != nil {
			row.change(r)
		}
		h := http.Handler(mux)
		if row.target == "/plain" {
			h = plain
		}
		serve(h, r)
		all := records(t, out)
		if row.route == "" {
			if len(all) != 0 {
				t.Errorf("%s: got the records %v, want no record", row.name, all)
			}
			continue
		}
		if len(all) != 1 || all[0]["msg"] != "bearer: proxy did not pass a WebSocket handshake" || all[0]["route"] != row.route || all[0]["requests"] != 1.0 || all[0]["level"] != "WARN" ||
			!strings.Contains(out.String(), "Options.WebSocket does not contain this pattern") || strings.Contains(out.String(), "secret") || strings.Contains(out.String(), "room") {
			t.Errorf("%s: got the records %v, want one record with the route %q and no values of the request", row.name, all, row.route)
		}
	}
}

// TestProxyLogsHandshakesRate checks that the guard writes at most one record per minute for
// all proxies, with a bounded list of routes. This record does not use the limit of the record
// about the fields that ForwardAuth ignores.
func TestProxyLogsHandshakesRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := new(testkit.Buffer)
		guard := refuser(t, bearer.UnknownKey, &middleware.Options{WebSocket: []string{"/x"}, Logger: slog.New(slog.NewJSONHandler(out, nil))})
		send := func(pattern string) {
			serve(guard.RequireAt(pattern, scopes.Public())(answering(guard)), handshake("/"))
		}
		for i := range 60 {
			send([]string{"/b", "/a", "/c"}[i%3])
			time.Sleep(time.Second)
		}
		r := proxied("", asked{"GET", "/public/x", "api.example"})
		r.Header.Set("X-Rewrite-URL", "/x")
		serve(guard.ForwardAuth(forwardTable()), r)
		send("/a\n\x1b")
		for i := range 1000 {
			send("/" + strings.Repeat("p", 300) + string(rune('a'+i%26)) + strings.Repeat("q", i))
		}
		time.Sleep(time.Minute)
		send("/a")
		all := records(t, out)
		if len(all) != 4 || all[0]["route"] != "/b" || all[2]["route"] != `/a, /a\n\x1b, /b, /c` || all[2]["requests"] != 60.0 || all[3]["requests"] != 1001.0 {
			t.Fatalf("got the records %v, want one record with the first route, one about fields, one with 60 requests and one with 1,001 requests", all)
		}
		if text, _ := all[3]["route"].(string); len(text) > 8<<10 {
			t.Errorf("got %d bytes of routes in a record, want at most 8 KiB", len(text))
		}
	})
}

// TestLoggerPanics checks that a panic of the log handler does not change the verdict.
func TestLoggerPanics(t *testing.T) {
	guard := refuser(t, bearer.UnknownKey, &middleware.Options{Logger: slog.New(slog.NewTextHandler(panicking{}, nil))})
	if w := serve(guard.Require(scopes.Public())(answering(guard)), handshake("/")); w.Code != http.StatusOK {
		t.Errorf("handshake: got status %d, want status 200", w.Code)
	}
	r := proxied("", asked{"GET", "/public/x", "api.example"})
	r.Header.Set("X-Rewrite-URL", "/x")
	if w := serve(guard.ForwardAuth(forwardTable()), r); w.Code != http.StatusNoContent {
		t.Errorf("ForwardAuth: got status %d, want status 204", w.Code)
	}
}

// panicking is an io.Writer that panics.
type panicking struct{}

func (panicking) Write([]byte) (int, error) { panic("the disk is gone") }

// TestNewWebSocketMethod checks that New refuses patterns whose method a handshake never has.
func TestNewWebSocketMethod(t *testing.T) {
	for pattern, want := range map[string]string{
		"GET /ws/": "", "GET\t/ws": "", "/ws": "", "/a b": "", "h/ws": "", "GET h/ws": "", "/{id:[a-z ]+}": "", "chat": "",
		"GET /ws ":     `middleware: Options.WebSocket: the pattern "GET /ws " has a blank at its start or end`,
		"get /ws/":     `middleware: Options.WebSocket: the pattern "get /ws/" has the method "get"; a WebSocket handshake has the method "GET"`,
		"Get\t/ws":     `middleware: Options.WebSocket: the pattern "Get\t/ws" has the method "Get"; a WebSocket handshake has the method "GET"`,
		"POST /ws":     `middleware: Options.WebSocket: the pattern "POST /ws" has the method "POST"; a WebSocket handshake has the method "GET"`,
		"CONNECT h/ws": `middleware: Options.WebSocket: the pattern "CONNECT h/ws" has the method "CONNECT"; a WebSocket handshake has the method "GET"`,
	} {
		got := ""
		if _, err := middleware.New(testkit.Refuse(bearer.Malformed), &middleware.Options{WebSocket: []string{pattern}}); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: got the error %q, want %q", pattern, got, want)
		}
	}
}
