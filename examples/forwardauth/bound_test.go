package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/dpop"
	"github.com/bearerkit/bearer/middleware"
)

// boundSetting is a setting whose guard accepts bound tokens, and a client with a key.
type boundSetting struct {
	*setting
	client *dpop.Signer
	token  string // bound to the key of client
}

// origin is the address that the clients of the proxy use.
const origin = "https://reports.example"

func newBoundSetting(t *testing.T, dialect string, nonces bool) *boundSetting {
	t.Helper()
	s := &boundSetting{setting: &setting{issuer: bearertest.NewIssuer(&bearertest.Options{Algorithms: []string{"ES256"}, Audience: []string{audience}})}}
	t.Cleanup(s.issuer.Close)
	logger := slog.New(slog.DiscardHandler) // the process logs at most 80 refusals a minute, and other tests read the log
	opts := dpop.Options{Origins: []string{origin}, Logger: logger}
	if nonces {
		opts.NonceKeys = [][]byte{[]byte(strings.Repeat("k", 32))}
	}
	binding, err := dpop.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := bearer.New(bearer.Config{Issuer: s.issuer.URL(), Audience: []string{audience}, Logger: logger, Bindings: []bearer.Binding{binding}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = verifier.Close() })
	guard, err := middleware.New(verifier, options(dialect))
	if err != nil {
		t.Fatal(err)
	}
	auth, service := httptest.NewServer(guard.ForwardAuth(rules())), httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(auth.Close)
	t.Cleanup(service.Close)
	s.auth, s.service = auth.Listener.Addr().String(), service.Listener.Addr().String()
	if s.client, err = dpop.GenerateSigner(); err != nil {
		t.Fatal(err)
	}
	s.token = s.issuer.Token(map[string]any{"client_id": "ci", "scope": "read:reports write:reports", "cnf": map[string]any{"jkt": s.client.Thumbprint()}})
	return s
}

// proof returns a DPoP field with a new proof.
func (s *boundSetting) proof(t *testing.T, method, path, nonce string) string {
	t.Helper()
	text, err := s.client.Proof(method, origin+path, s.token, nonce)
	if err != nil {
		t.Fatal(err)
	}
	return "DPoP: " + text + "\r\n"
}

// TestBoundTokens sends bound tokens through the proxies. The guard checks the proof for the method and
// the path of the client, and the service gets neither the token nor the proof.
func TestBoundTokens(t *testing.T) {
	for _, p := range []proxy{nginx, ingressNginx, caddy, haproxy} {
		t.Run(p.name, func(t *testing.T) {
			s := newBoundSetting(t, p.dialect, false)
			front := p.start(t, s.setting)
			used := s.proof(t, http.MethodGet, "/reports/7", "")
			for _, row := range []struct {
				name, request, fields string
				want                  int
			}{
				{"proof", "GET /reports/7?x=1", used, http.StatusOK},
				{"replay", "GET /reports/7?x=1", used, http.StatusUnauthorized},
				{"no proof", "GET /reports/7", "", http.StatusUnauthorized},
				{"two proofs", "GET /reports/7", s.proof(t, http.MethodGet, "/reports/7", "") + s.proof(t, http.MethodGet, "/reports/7", ""), http.StatusUnauthorized},
				{"different path", "GET /reports/8", s.proof(t, http.MethodGet, "/reports/7", ""), http.StatusUnauthorized},
				{"different method", "POST /reports/7", s.proof(t, http.MethodGet, "/reports/7", ""), http.StatusUnauthorized},
				{"address of the guard", "GET /reports/7", s.proof(t, http.MethodGet, "/_auth", ""), http.StatusUnauthorized},
				{"POST", "POST /reports/7", s.proof(t, http.MethodPost, "/reports/7", ""), http.StatusOK},
				{"escaped path", "GET /reports/a%2Db", s.proof(t, http.MethodGet, "/reports/a%2Db", ""), http.StatusOK},
			} {
				status, header := exchange(t, front, row.request+" HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: DPoP "+s.token+"\r\n"+row.fields+"\r\n")
				if status != row.want {
					t.Errorf("%s: got status %d, want %d", row.name, status, row.want)
				}
				challenges := strings.Join(header["Www-Authenticate"], ", ")
				if status == http.StatusUnauthorized && (!strings.Contains(challenges, `Bearer realm="api"`) || !strings.Contains(challenges, `DPoP realm="api", error="invalid_dpop_proof"`)) {
					t.Errorf("%s: got challenges %q, want one for Bearer, and one for DPoP with the error invalid_dpop_proof", row.name, challenges)
				}
				for _, r := range s.takeRequests() {
					if r.Header["Authorization"] != nil || r.Header["Dpop"] != nil || r.Header.Get("X-Client") != "ci" {
						t.Errorf("%s: got the fields %v at the service, want neither Authorization nor DPoP, and the client ci", row.name, r.Header)
					}
				}
			}
		})
	}
}

// TestBoundNonce sends bound tokens through the proxies to a guard that demands nonces. The client gets
// the nonce of a refusal.
func TestBoundNonce(t *testing.T) {
	for _, p := range []proxy{nginx, caddy, haproxy} {
		t.Run(p.name, func(t *testing.T) {
			s := newBoundSetting(t, p.dialect, true)
			front := p.start(t, s.setting)
			send := func(nonce string) (int, http.Header) {
				return exchange(t, front, "GET /reports/7 HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: DPoP "+s.token+"\r\n"+s.proof(t, http.MethodGet, "/reports/7", nonce)+"\r\n")
			}
			status, header := send("")
			nonces := header["Dpop-Nonce"]
			if status != http.StatusUnauthorized || len(nonces) != 1 || nonces[0] == "" {
				t.Fatalf("no nonce: got status %d and fields %v, want 401 and one nonce", status, header)
			}
			if status, header := send(nonces[0]); status != http.StatusOK || header["Dpop-Nonce"] != nil {
				t.Errorf("with the nonce: got status %d and fields %v, want 200 and no new nonce", status, header)
			}
		})
	}
}
