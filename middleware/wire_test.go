package middleware_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/scopes"
)

// wireServer returns the address of a server. The server checks each request twice. Enforce
// checks it before the mux, and Handle checks it after the mux.
func wireServer(t *testing.T) (*fixture, string) {
	t.Helper()
	b := newFixture(t, nil)
	read, write := scopes.Any("read", "write"), scopes.All("write")
	var table scopes.Table
	table.Handle("GET /deployments", read)
	table.Handle("POST /deployments", write)
	table.Handle("GET /deployments/{id}", read)
	table.Handle("/public/", scopes.Public())
	table.Handle("/whoami", scopes.Optional(scopes.All()))
	mux := http.NewServeMux()
	for pattern, rule := range table.All() {
		b.guard.Handle(mux, pattern, rule, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			client := "-"
			if claims, ok := bearer.FromContext(r.Context()); ok {
				client = claims.ClientID()
			}
			_, _ = fmt.Fprint(w, r.Method, " ", r.URL.Path, " ", client) //nolint:gosec // no browser renders it
		}))
	}
	server := httptest.NewServer(b.guard.Enforce(&table)(mux))
	t.Cleanup(server.Close)
	return b, server.Listener.Addr().String()
}

// sendRaw connects to addr, sends text unchanged, and returns a reader of the responses.
func sendRaw(t *testing.T, addr, text string) *bufio.Reader {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	return bufio.NewReader(conn)
}

// readReply reads one response to a request with this method.
func readReply(t *testing.T, reader *bufio.Reader, method string) reply {
	t.Helper()
	response, err := http.ReadResponse(reader, &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{response.StatusCode, response.Header, string(body)}
}

const (
	noError        = `Bearer realm="api"`
	invalidRequest = noError + `, error="invalid_request", error_description="The request must carry exactly one bearer token"`
	unverified     = noError + `, error="invalid_token", error_description="The access token is invalid"`
	notAllowed     = noError + `, error="insufficient_scope", error_description="The access token does not allow this"`
)

// TestWire sends raw requests to a server. In a request, {r} stands for a token with the
// scope "read", and {w} for a token with the scope "write". {64K}, {dots} and {1M} stand for
// long values. The challenge "-" means that net/http answers the request and calls no
// handler.
func TestWire(t *testing.T) {
	b, addr := wireServer(t)
	tokens := strings.NewReplacer("{r}", b.token("read"), "{w}", b.token("write"), "{64K}", strings.Repeat("A", 64<<10), "{dots}", strings.Repeat(".", 64<<10), "{1M}", strings.Repeat("A", 1<<20+8<<10))
	const get = "GET /deployments HTTP/1.1\nHost: h\n"
	for _, row := range []struct {
		name, request string
		status        int
		challenge     string
		body          string
	}{
		// Valid spellings of the field.
		{"valid token", get + "Authorization: Bearer {r}\n", 200, "", "GET /deployments ci"},
		{"field name in lower case", get + "authorization: Bearer {r}\n", 200, "", ""},
		{"field name in upper case", get + "AUTHORIZATION: Bearer {r}\n", 200, "", ""},
		{"scheme in lower case", get + "Authorization: bearer {r}\n", 200, "", ""},
		{"scheme in mixed case", get + "Authorization: bEARER {r}\n", 200, "", ""},
		{"spaces around scheme and token", get + "Authorization:   Bearer   {r}   \n", 200, "", ""},
		{"no space after the colon", get + "Authorization:Bearer {r}\n", 200, "", ""},
		{"tabs around the value", get + "Authorization:\tBearer {r} \t\n", 200, "", ""},
		{"value on two lines", get + "Authorization: Bearer\n {r}\n", 200, "", ""},
		{"lines that end without a carriage return", "GET /deployments HTTP/1.1\nHost: h\nAuthorization: Bearer {r}\n\n", 200, "", ""},

		// Credentials that are not exactly one token.
		{"tab after the scheme", get + "Authorization: Bearer\t{r}\n", 400, invalidRequest, ""},
		{"space and tab after the scheme", get + "Authorization: Bearer \t{r}\n", 400, invalidRequest, ""},
		{"tab after the token", get + "Authorization: Bearer {r}\tx\n", 400, invalidRequest, ""},
		{"scheme without a token", get + "Authorization: Bearer\n", 400, invalidRequest, ""},
		{"scheme and spaces without a token", get + "Authorization: Bearer   \n", 400, invalidRequest, ""},
		{"word after the token", get + "Authorization: Bearer {r} x\n", 400, invalidRequest, ""},
		{"second token on a second line", get + "Authorization: Bearer {r}\n {r}\n", 400, invalidRequest, ""},
		{"token in quotes", get + "Authorization: Bearer \"{r}\"\n", 400, invalidRequest, ""},
		{"token as a parameter", get + "Authorization: Bearer token={r}\n", 400, invalidRequest, ""},
		{"colon after the scheme", get + "Authorization: Bearer: {r}\n", 400, invalidRequest, ""},
		{"comma after the scheme", get + "Authorization: Bearer,{r}\n", 400, invalidRequest, ""},
		{"token of padding only", get + "Authorization: Bearer ==\n", 400, invalidRequest, ""},
		{"padding inside the token", get + "Authorization: Bearer a=b\n", 400, invalidRequest, ""},
		{"token that is not ASCII", get + "Authorization: Bearer {r}\xe9\n", 400, invalidRequest, ""},
		{"no-break space after the scheme", get + "Authorization: Bearer\u00a0{r}\n", 400, invalidRequest, ""},
		{"two Authorization fields", get + "Authorization: Bearer {r}\nAuthorization: Bearer {r}\n", 400, invalidRequest, ""},
		{"two Authorization fields with names in different letter case", get + "Authorization: Bearer {r}\nauthorization: Bearer {w}\n", 400, invalidRequest, ""},
		{"two Authorization fields, one with Basic", get + "Authorization: Basic eDp5\nAuthorization: Bearer {r}\n", 400, invalidRequest, ""},
		{"two Authorization fields, one is empty", get + "Authorization:\nAuthorization: Bearer {r}\n", 400, invalidRequest, ""},
		{"list of two tokens", get + "Authorization: Bearer {r}, Bearer {r}\n", 400, invalidRequest, ""},
		{"list of two tokens without spaces", get + "Authorization: Bearer {r},Bearer {r}\n", 400, invalidRequest, ""},
		{"list that ends with a comma", get + "Authorization: Bearer {r},\n", 400, invalidRequest, ""},
		{"list that begins with a comma", get + "Authorization: ,Bearer {r}\n", 400, invalidRequest, ""},
		{"list of Basic and a token", get + "Authorization: Basic eDp5, Bearer {r}\n", 400, invalidRequest, ""},
		{"list of a token and Basic", get + "Authorization: Bearer {r}, Basic eDp5\n", 400, invalidRequest, ""},
		{"two Authorization fields for an optional rule", "GET /whoami HTTP/1.1\nHost: h\nAuthorization: Bearer {r}\nAuthorization: Bearer {r}\n", 400, invalidRequest, ""},

		// Credentials that are not a bearer token.
		{"no Authorization field", get, 401, noError, ""},
		{"empty Authorization field", get + "Authorization:\n", 401, noError, ""},
		{"Authorization field of spaces only", get + "Authorization:   \n", 401, noError, ""},
		{"Basic credentials", get + "Authorization: Basic eDp5\n", 401, noError, ""},
		{"token without a scheme", get + "Authorization: {r}\n", 401, noError, ""},
		{"scheme DPoP", get + "Authorization: DPoP {r}\n", 401, noError, ""},
		{"a scheme that begins with Bearer", get + "Authorization: Bearer2 {r}\n", 401, noError, ""},
		{"escaped space", get + "Authorization: Bearer%20{r}\n", 401, noError, ""},
		{"Basic credentials for an optional rule", "GET /whoami HTTP/1.1\nHost: h\nAuthorization: Basic eDp5\n", 200, "", "GET /whoami -"},

		// Tokens outside of the Authorization field are ignored.
		{"token in the query", "GET /deployments?access_token={r} HTTP/1.1\nHost: h\n", 401, noError, ""},
		{"tokens in the query and in the field", "GET /deployments?access_token={w} HTTP/1.1\nHost: h\nAuthorization: Bearer {r}\n", 200, "", ""},
		{"token in a form", "POST /deployments HTTP/1.1\nHost: h\nContent-Type: application/x-www-form-urlencoded\nContent-Length: 15\n\naccess_token={w}", 401, noError, ""},
		{"token in a cookie", get + "Cookie: access_token={r}; Authorization=Bearer {r}\n", 401, noError, ""},
		{"token in Proxy-Authorization", get + "Proxy-Authorization: Bearer {r}\n", 401, noError, ""},
		{"tokens in Proxy-Authorization and in the field", get + "Proxy-Authorization: Bearer {w}\nAuthorization: Bearer {r}\n", 200, "", ""},
		{"token in X-Forwarded-Authorization", get + "X-Forwarded-Authorization: Bearer {r}\nX-Original-Authorization: Bearer {r}\n", 401, noError, ""},
		{"token in a field with an underscore", get + "Authorization_: Bearer {r}\nHTTP_AUTHORIZATION: Bearer {r}\n", 401, noError, ""},
		{"token in the field DPoP", get + "DPoP: {r}\n", 401, noError, ""},
		{"token in a trailer", "POST /deployments HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\nTrailer: Authorization\n\n1\na\n0\nAuthorization: Bearer {w}\n", 401, noError, ""},
		{"tokens in a trailer and in the field", "POST /deployments HTTP/1.1\nHost: h\nAuthorization: Bearer {r}\nTransfer-Encoding: chunked\nTrailer: Authorization\n\n1\na\n0\nAuthorization: Bearer {w}\n", 403, notAllowed + `, scope="write"`, ""},
		{"Authorization field that Connection names", get + "Connection: Authorization\nAuthorization: Bearer {r}\n", 200, "", ""},

		// Each method has its own rule, and only the request line sets the method.
		{"method HEAD", "HEAD /deployments HTTP/1.1\nHost: h\nAuthorization: Bearer {r}\n", 200, "", ""},
		{"method HEAD without a token", "HEAD /deployments HTTP/1.1\nHost: h\n", 401, noError, ""},
		{"method HEAD with an invalid token", "HEAD /deployments HTTP/1.1\nHost: h\nAuthorization: Bearer x\n", 401, unverified, ""},
		{"method POST", "POST /deployments HTTP/1.1\nHost: h\nContent-Length: 0\nAuthorization: Bearer {r}\n", 403, notAllowed + `, scope="write"`, ""},
		{"field that overrides the method", "POST /deployments?_method=GET HTTP/1.1\nHost: h\nContent-Length: 0\nX-HTTP-Method-Override: GET\nX-Method-Override: GET\nX-HTTP-Method: GET\nAuthorization: Bearer {r}\n", 403, notAllowed + `, scope="write"`, ""},
		{"field that overrides the path", "POST /deployments HTTP/1.1\nHost: h\nContent-Length: 0\nX-Original-URL: /public/x\nX-Rewrite-URL: /public/x\n", 401, noError, ""},
		{"method in lower case", "get /deployments HTTP/1.1\nHost: h\nAuthorization: Bearer {r}\n", 403, noError, ""},
		{"unknown method", "BREW /deployments HTTP/1.1\nHost: h\nAuthorization: Bearer {w}\n", 403, noError, ""},
		{"method TRACE", "TRACE /deployments HTTP/1.1\nHost: h\n", 401, noError, ""},
		{"preflight request", "OPTIONS /deployments HTTP/1.1\nHost: h\nOrigin: https://a.example\nAccess-Control-Request-Method: POST\nAccess-Control-Request-Headers: authorization\n", 401, noError, ""},
		{"OPTIONS with the target *", "OPTIONS * HTTP/1.1\nHost: h\n", 200, "-", ""},
		{"method CONNECT", "CONNECT h:443 HTTP/1.1\nHost: h:443\n", 401, noError, ""},
		{"method CONNECT with a path", "CONNECT /deployments HTTP/1.1\nHost: h\nAuthorization: Bearer {r}\n", 403, noError, ""},
		{"HTTP/1.0 without a token", "GET /deployments HTTP/1.0\n", 401, noError, ""},
		{"HTTP/1.0 with a token", "GET /deployments HTTP/1.0\nAuthorization: Bearer {r}\n", 200, "", ""},

		// The target of the request selects the rule.
		{"public route", "GET /public/x HTTP/1.1\nHost: h\n", 200, "", "GET /public/x -"},
		{"public route with an invalid token", "GET /public/x HTTP/1.1\nHost: h\nAuthorization: Bearer x\n", 200, "", "GET /public/x -"},
		{"absolute URL with a token", "GET http://h/deployments HTTP/1.1\nHost: h\nAuthorization: Bearer {r}\n", 200, "", "GET /deployments ci"},
		{"absolute URL without a token", "GET http://other/deployments HTTP/1.1\nHost: h\n", 401, noError, ""},
		{"absolute URL with an unclean path", "GET http://h/public/..%2fdeployments HTTP/1.1\nHost: h\n", 401, noError, ""},
		{"opaque URL", "GET http:deployments HTTP/1.1\nHost: h\nAuthorization: Bearer {r}\n", 403, noError, ""},
		{"two slashes at the start", "GET //deployments HTTP/1.1\nHost: h\nAuthorization: Bearer {r}\n", 403, noError, ""},
		{"two slashes inside the path", "GET /public//deployments HTTP/1.1\nHost: h\n", 401, noError, ""},
		{"two dots", "GET /public/../deployments HTTP/1.1\nHost: h\n", 401, noError, ""},
		{"two dots with a token", "GET /public/../deployments HTTP/1.1\nHost: h\nAuthorization: Bearer {r}\n", 403, noError, ""},
		{"one dot", "GET /./public/x HTTP/1.1\nHost: h\n", 401, noError, ""},
		{"two encoded dots", "GET /public/%2e%2E/deployments HTTP/1.1\nHost: h\n", 401, noError, ""},
		{"two dots, one is encoded", "GET /public/.%2e/deployments HTTP/1.1\nHost: h\n", 401, noError, ""},
		{"encoded slash", "GET /public/..%2fdeployments HTTP/1.1\nHost: h\n", 401, noError, ""},
		{"encoded dots and encoded slash", "GET /public/%2e%2e%2Fdeployments HTTP/1.1\nHost: h\n", 401, noError, ""},
		{"dots and slash that are encoded twice", "GET /public/%252e%252e%252fdeployments HTTP/1.1\nHost: h\n", 401, noError, ""},
		{"encoded slash in the public part of the path", "GET /public%2f..%2fdeployments HTTP/1.1\nHost: h\n", 401, noError, ""},
		{"backslash", "GET /public\\..\\deployments HTTP/1.1\nHost: h\n", 401, noError, ""},
		{"encoded backslash", "GET /public/..%5cdeployments HTTP/1.1\nHost: h\n", 401, noError, ""},
		{"semicolon after two dots", "GET /public/..;/deployments HTTP/1.1\nHost: h\n", 401, noError, ""},
		{"path parameter in a public route", "GET /public;x/y HTTP/1.1\nHost: h\n", 401, noError, ""},
		{"NUL in the path", "GET /public/%00 HTTP/1.1\nHost: h\n", 401, noError, ""},
		{"encoded letter with a token", "GET /%64eployments HTTP/1.1\nHost: h\nAuthorization: Bearer {r}\n", 403, noError, ""},
		{"encoded letter in a public route", "GET /p%75blic/x HTTP/1.1\nHost: h\n", 401, noError, ""},
		{"method in lower case", "get /public/x HTTP/1.1\nHost: h\n", 401, noError, ""},
		{"invalid UTF-8 in the path", "GET /public/%E9 HTTP/1.1\nHost: h\n", 401, noError, ""},
		{"control character in the path", "GET /public/%0a HTTP/1.1\nHost: h\n", 401, noError, ""},
		{"parameters of an empty element", "GET /public/;x HTTP/1.1\nHost: h\n", 401, noError, ""},
		{"encoded letter without a token", "GET /%64eployments HTTP/1.1\nHost: h\n", 401, noError, ""},
		{"encoded slash between elements", "GET /deployments%2f7 HTTP/1.1\nHost: h\nAuthorization: Bearer {r}\n", 403, noError, ""},
		{"path in upper case", "GET /PUBLIC/x HTTP/1.1\nHost: h\n", 401, noError, ""},
		{"fragment after a path", "GET /deployments#/public/ HTTP/1.1\nHost: h\n", 401, noError, ""},
		{"fragment after a public path", "GET /public/x#y HTTP/1.1\nHost: h\n", 401, noError, ""},
		{"fragment that contains a public path", "GET /whoami#/../public/ HTTP/1.1\nHost: h\nAuthorization: Bearer {r}\n", 403, noError, ""},
		{"query that looks like a path", "GET /deployments?/../public/ HTTP/1.1\nHost: h\n", 401, noError, ""},
		{"semicolons in the query", "GET /public/x?a;b HTTP/1.1\nHost: h\n", 200, "", ""},

		// Large fields.
		{"token of 64 KiB", get + "Authorization: Bearer {64K}\n", 401, unverified, ""},
		{"token of 64 KiB that contains only dots", get + "Authorization: Bearer {dots}\n", 401, unverified, ""},
		{"scheme of 64 KiB", get + "Authorization: {64K}\n", 401, noError, ""},

		// Requests that net/http refuses before it calls the guard.
		{"token of 1 MiB", get + "Authorization: Bearer {1M}\n", 431, "-", ""},
		{"space before the colon", get + "Authorization : Bearer {r}\n", 400, "-", ""},
		{"NUL in the field", get + "Authorization: Bearer {r}\x00\n", 400, "-", ""},
		{"carriage return in the field", get + "Authorization: Bearer {r}\rX: y\n", 400, "-", ""},
		{"no Host field", "GET /deployments HTTP/1.1\nAuthorization: Bearer {r}\n", 400, "-", ""},
		{"invalid escape in the path", "GET /%zz HTTP/1.1\nHost: h\n", 400, "-", ""},
		{"target without a slash", "GET deployments HTTP/1.1\nHost: h\n", 400, "-", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			lines := strings.Split(row.request, "\n\n")
			for i := range lines {
				lines[i] = strings.ReplaceAll(lines[i], "\n", "\r\n")
			}
			request := strings.Join(lines, "\r\n\r\n") + "\r\n"
			reader := sendRaw(t, addr, tokens.Replace(request))
			method, _, _ := strings.Cut(row.request, " ")
			got := readReply(t, reader, method)
			if got.status != row.status || (row.body != "" && got.body != row.body) {
				t.Errorf("got status %d and body %q, want status %d and body %q", got.status, got.body, row.status, row.body)
			}
			if row.challenge == "-" {
				row.challenge = ""
			} else if got.status >= 400 {
				checkRefusal(t, method, got)
			}
			if values := strings.Join(got.header.Values("WWW-Authenticate"), "\n"); values != row.challenge {
				t.Errorf("got challenge %q, want challenge %q", values, row.challenge)
			}
		})
	}
}

// checkRefusal checks the fields and the body that every refusal has.
func checkRefusal(t *testing.T, method string, got reply) {
	t.Helper()
	for name, want := range map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"} {
		if values := got.header.Values(name); len(values) != 1 || values[0] != want {
			t.Errorf("got %s %q, want %q", name, values, want)
		}
	}
	if method == http.MethodHead {
		if got.body != "" {
			t.Errorf("got body %q for HEAD, want no body", got.body)
		}
		return
	}
	var members map[string]string
	if err := json.Unmarshal([]byte(got.body), &members); err != nil || members["error"] == "" || members["error_description"] == "" || len(got.body) > 300 {
		t.Errorf("got body %q (%v), want at most 300 bytes of JSON with error and error_description", got.body, err)
	}
}

// TestRefusedBodyIsNotRead checks that the server refuses a request before it reads the
// body. The server must not send 100 (Continue).
func TestRefusedBodyIsNotRead(t *testing.T) {
	_, addr := wireServer(t)
	for _, fields := range []string{"Content-Length: 1000000000\r\n", "Content-Length: 5\r\nExpect: 100-continue\r\n"} {
		reader := sendRaw(t, addr, "POST /deployments HTTP/1.1\r\nHost: h\r\n"+fields+"\r\n")
		if got := readReply(t, reader, http.MethodPost); got.status != http.StatusUnauthorized {
			t.Errorf("request with %q: got first status %d, want first status 401", fields, got.status)
		}
	}
}

// TestWireRequire checks a server without Enforce. The mux has chosen the route, and Require
// applies the rule of this route. So the spelling of the path makes no difference.
func TestWireRequire(t *testing.T) {
	b := newFixture(t, nil)
	mux := http.NewServeMux()
	for _, pattern := range []string{"GET /deployments", "GET /items/{id}/tags"} {
		mux.Handle(pattern, b.guard.Require(scopes.All("read"))(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	token := "Authorization: Bearer " + b.token("read") + "\r\n"
	for _, row := range []struct {
		name, target, field string
		status              int
	}{
		{"encoded letter with a token", "/%64eployments", token, 200},
		{"encoded letter without a token", "/%64eployments", "", 401},
		{"encoded slash in an identifier with a token", "/items/a%2Fb/tags", token, 200},
		{"encoded slash in an identifier without a token", "/items/a%2Fb/tags", "", 401},
	} {
		reader := sendRaw(t, server.Listener.Addr().String(), "GET "+row.target+" HTTP/1.1\r\nHost: h\r\n"+row.field+"\r\n")
		if got := readReply(t, reader, http.MethodGet); got.status != row.status {
			t.Errorf("%s: got status %d, want %d", row.name, got.status, row.status)
		}
	}
}

// TestKeepAlive checks that each request on a connection needs its own token.
func TestKeepAlive(t *testing.T) {
	b, addr := wireServer(t)
	with := "GET /deployments HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " + b.token("read") + "\r\n\r\n"
	const without = "GET /deployments HTTP/1.1\r\nHost: h\r\n\r\n"
	reader := sendRaw(t, addr, with+without+with+without)
	for i, want := range []int{200, 401, 200, 401} {
		if got := readReply(t, reader, http.MethodGet); got.status != want {
			t.Errorf("request %d: got status %d, want status %d", i+1, got.status, want)
		}
	}
}

// TestFieldsAreNotChanged checks that the guard does not append to the slice of values in
// the request's header.
func TestFieldsAreNotChanged(t *testing.T) {
	b := newFixture(t, nil)
	values := make([]string, 1, 2)
	values[0] = "Bearer " + b.token("x")
	r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	r.Header = http.Header{"Authorization": values, "authorization": {"Basic eDp5"}}
	if w := serve(b.guard.Require(scopes.All())(unreachable(t)), r); w.Code != http.StatusBadRequest || values[:2][1] != "" {
		t.Errorf("got status %d and the value %q after the end of the slice, want status 400 and an empty value", w.Code, values[:2][1])
	}
}

// TestFieldNamesInLowerCase checks requests with "authorization" in lower case. Adapters of
// HTTP/2 servers may make such requests.
func TestFieldNamesInLowerCase(t *testing.T) {
	b := newFixture(t, nil)
	valid := "Bearer " + b.token("x")
	for i, row := range []struct {
		header http.Header
		want   int
	}{
		{http.Header{"authorization": {valid}}, 200},
		{http.Header{"Authorization": {valid}, "authorization": {valid}}, 400},
		{http.Header{"Authorization": {valid}, "authorization": {"Basic eDp5"}}, 400},
		{http.Header{"authorization": {valid, valid}}, 400},
		{http.Header{"authorization": {}}, 401},
		{http.Header{"Authorization": {valid}, "authorization": {}}, 200},
		{http.Header{"Authorization": {valid + " "}}, 400},
		{http.Header{"Authorization": {" " + valid}}, 400},
		{nil, 401},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.Header = row.header
		if w := serve(b.guard.Require(scopes.All())(http.HandlerFunc(writeCaller)), r); w.Code != row.want {
			t.Errorf("row %d: got status %d, want status %d", i, w.Code, row.want)
		}
	}
}
