package jwks_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/http"
	"testing"

	"github.com/bearerkit/bearer/jwks"
)

// Some servers and proxies send back what they received. Then the token of the service is not in
// errors, the status and the log.
func TestTokenThatIsSentBack(t *testing.T) {
	const token = "eyJwb2QifQ.c2VjcmV0"
	own := newAuthority(t, "own")
	for name, row := range map[string]struct {
		answer string // %s is the token
		want   string
	}{
		"status":            {"HTTP/1.1 401 no access with Bearer %s\r\n\r\n", "401 no access with Bearer xxxxx"},
		"status line":       {"Bearer %s\r\n\r\n", "it contains the token"},
		"name of a field":   {"HTTP/1.1 200 OK\r\nBearer %s\r\n\r\n", "it contains the token"},
		"Content-Length":    {"HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n", "it contains the token"},
		"Transfer-Encoding": {"HTTP/1.1 200 OK\r\nTransfer-Encoding: %s\r\n\r\n", "it contains the token"},
		"another host":      {"HTTP/1.1 302 Found\r\nLocation: https://%s.example/\r\n\r\n", "redirects to a URL that contains the token"},
		"another path":      {"HTTP/1.1 302 Found\r\nLocation: /x/%s\r\n\r\n", "redirects to a URL that contains the token"},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{*own.issue(t)}})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = l.Close() }()
			go func() {
				for conn, err := l.Accept(); err == nil; conn, err = l.Accept() {
					go func() {
						defer func() { _ = conn.Close() }()
						if r, err := http.ReadRequest(bufio.NewReader(conn)); err == nil && r.Header.Get("Authorization") == "Bearer "+token {
							_, _ = fmt.Fprintf(conn, row.answer, token)
						}
					}()
				}
			}()
			var logged lockedBuffer
			c := defaultCache(t, "https://"+l.Addr().String()+"/keys", &jwks.Options{
				RootCAs: own.pool(), AuthorizationFile: newFile(t, token), Logger: slog.New(slog.NewTextHandler(&logged, nil)),
			})
			err = c.Refresh(t.Context())
			wantText(t, err, row.want)
			status := c.Status()
			_ = c.Close() // afterwards, all records are in the log
			text := logged.take()
			wantText(t, fmt.Errorf("%s", text), row.want)
			noSecret(t, name, err, status, text)
		})
	}
}
