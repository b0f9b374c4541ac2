package jwks_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// Some servers and proxies send back what they received. Then the token of the service is not in
// errors, the status and the log.
func TestTokenThatIsSentBack(t *testing.T) {
	const token = "eyJwb2QifQ.c2VjcmV0"
	const status, body = "HTTP/1.1 200 OK\r\nConnection: close\r\n", "the body contains the token"
	upper := strings.ToUpper(token)
	var escaped, percent strings.Builder
	for _, c := range []byte(token) {
		_, _ = fmt.Fprintf(&escaped, `\u%04X`, c)
		_, _ = fmt.Fprintf(&percent, `%%%02x`, c)
	}
	zipped := func(text string) string {
		var buffer bytes.Buffer
		w := gzip.NewWriter(&buffer)
		_, _ = w.Write([]byte(text))
		_ = w.Close()
		return buffer.String()
	}
	own := newAuthority(t, "own")
	for name, row := range map[string]struct {
		answer string
		want   string
	}{
		"status":              {"HTTP/1.1 401 no access with Bearer " + token + "\r\n\r\n", "401 no access with Bearer xxxxx"},
		"status line":         {"Bearer " + token + "\r\n\r\n", "it contains the token"},
		"name of a field":     {"HTTP/1.1 200 OK\r\nBearer " + token + "\r\n\r\n", "it contains the token"},
		"Content-Length":      {"HTTP/1.1 200 OK\r\nContent-Length: " + token + "\r\n\r\n", "it contains the token"},
		"Transfer-Encoding":   {"HTTP/1.1 200 OK\r\nTransfer-Encoding: " + token + "\r\n\r\n", "it contains the token"},
		"another host":        {"HTTP/1.1 302 Found\r\nLocation: https://" + token + ".example/\r\n\r\n", "redirects to a URL that contains the token"},
		"another path":        {"HTTP/1.1 302 Found\r\nLocation: /x/" + token + "\r\n\r\n", "redirects to a URL that contains the token"},
		"escaped path":        {"HTTP/1.1 302 Found\r\nLocation: /x/" + percent.String() + "\r\n\r\n", "redirects to a URL that contains the token"},
		"JSON error":          {status + "\r\n" + `{"error":"Bearer ` + token + `"}`, body},
		"issuer":              {status + "\r\n" + `{"issuer":"` + token + `"}`, body},
		"jwks_uri":            {status + "\r\n" + `{"issuer":"https://issuer.test","jwks_uri":"https://` + token + `.test/"}`, body},
		"jwks_uri, escaped":   {status + "\r\n" + `{"issuer":"https://issuer.test","jwks_uri":"https://x.test/` + percent.String() + `"}`, body},
		"kid":                 {status + "\r\n" + `{"keys":[{"kty":"RSA","kid":"` + token + `"}]}`, body},
		"kty":                 {status + "\r\n" + `{"keys":[{"kty":"` + token + `"}]}`, body},
		"name of a member":    {status + "\r\n" + `{"` + token + `":1}`, body},
		"HTML":                {status + "\r\n" + `<p>` + token, body},
		"upper case":          {status + "\r\n" + `{"issuer":"` + upper + `"}`, body},
		"escaped":             {status + "\r\n" + `{"issuer":"` + escaped.String() + `"}`, body},
		"escaped twice":       {status + "\r\n" + `{"issuer":"{\"a\":\"` + strings.ReplaceAll(escaped.String(), `\`, `\\`) + `\"}"}`, body},
		"one escape":          {status + "\r\n" + `{"issuer":"` + strings.Replace(token, "y", `\u0079`, 1) + `"}`, body},
		"compressed":          {status + "Content-Encoding: gzip\r\n\r\n" + zipped(`{"issuer":"`+token+`"}`), body},
		"body after redirect": {"", body},
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{"/keys", ""} { // with New and with Discover
				testEcho(t, own, name, path, token, row.answer, row.want)
			}
		})
	}
}

// testEcho fetches keys from a server with one answer. If answer is empty, the server first redirects.
func testEcho(t *testing.T, own *authority, name, path, token, answer, wanted string) {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{*own.issue(t)}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	go func() {
		for conn, err := l.Accept(); err == nil; conn, err = l.Accept() {
			go func() {
				defer func() { _ = conn.Close() }()
				r, err := http.ReadRequest(bufio.NewReader(conn))
				if err != nil || r.Header.Get("Authorization") != "Bearer "+token {
					return
				}
				text := answer
				switch {
				case answer == "" && r.URL.Path == "/there":
					text = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + `{"issuer":"` + token + `"}`
				case answer == "":
					text = "HTTP/1.1 302 Found\r\nLocation: /there\r\n\r\n"
				}
				_, _ = io.WriteString(conn, text)
			}()
		}
	}()
	var logged lockedBuffer
	c := defaultCache(t, "https://"+l.Addr().String()+path, &jwks.Options{
		RootCAs: own.pool(), AuthorizationFile: newFile(t, token), Logger: slog.New(slog.NewTextHandler(&logged, nil)),
	})
	err = c.Refresh(t.Context())
	wantText(t, err, wanted)
	status := c.Status()
	_ = c.Close() // afterwards, all records are in the log
	text := logged.take()
	wantText(t, fmt.Errorf("%s", text), wanted)
	noSecret(t, name, err, status, text)
	noSecret(t, name+", lower case", strings.ReplaceAll(fmt.Sprint(err, status, text), strings.ToUpper(token), token))
}

// A body that contains a token of fewer than 8 bytes is read, because ordinary texts contain
// such tokens.
func TestShortTokenInBody(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(document(ecKey("a"))) }))
	defer server.Close()
	for _, token := range []string{"keys", "kty", "abcdefgh"} {
		c := defaultCache(t, server.URL+"/keys", &jwks.Options{AuthorizationFile: newFile(t, token)})
		if err := c.Refresh(t.Context()); err != nil {
			t.Errorf("refresh with the token %q: got error %v, want none", token, err)
		}
	}
}

// The search for the token takes time in proportion to the size of the body.
func TestBodyWithManyEscapes(t *testing.T) {
	for _, part := range []string{"%", "%z", "%zz", `\`, `\\ `, `\u`, `\u00`, `\u00z`, `\u00zz`, `\u0041`, "%41", "a"} {
		text := strings.Repeat(part, (1<<20)/len(part))
		start := time.Now()
		jwks.ContainsToken(text, "some-token")
		if took := time.Since(start); took > 5*time.Second { // usually 10 ms; 1<<20 squared takes minutes
			t.Errorf("search in 1 MiB of %q: took %v, want 5 s at most", part, took)
		}
		if !jwks.ContainsToken(text+" some%2Dtoken", "some-token") {
			t.Errorf("the token after 1 MiB of %q was not found", part)
		}
	}
	for _, end := range []string{"", "%", "%4", `\`, `\u`, `\u0`, `\u00`, `\u004`} {
		if jwks.ContainsToken("some-toke"+end, "some-token") {
			t.Errorf("the token was found in a text that ends with %q", end)
		}
	}
}
