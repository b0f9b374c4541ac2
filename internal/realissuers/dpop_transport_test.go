package realissuers_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"testing"

	"github.com/bearerkit/bearer/dpop"
)

// TestDPoPTransport calls an API that requires nonces with the client of package dpop. The API is
// behind each of the servers, and oidc-provider issues the token.
func TestDPoPTransport(t *testing.T) {
	i := startOIDCProvider(t).issuer("ES256")
	cert := newCertificate(t)
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never returns an error
	for _, front := range fronts {
		t.Run(front.name, func(t *testing.T) {
			api := newBoundAPI(t, i, dpop.Options{NonceKeys: [][]byte{key}}, func(h http.Handler) string { return front.start(t, cert, h) })
			signer, err := dpop.GenerateSigner()
			if err != nil {
				t.Fatal(err)
			}
			token := mintBound(t, i, signer)
			client := cert.client()
			client.Transport, err = dpop.NewTransport(dpop.TransportOptions{
				Signer: signer, Token: func(context.Context) (string, error) { return token, nil }, Origins: []string{api.origin}, Base: client.Transport,
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range []struct {
				method, target, fragment, body string
				requests                       int // at the API
			}{
				{"POST", "/orders", "", `{"item":1}`, 2}, // the response to the first request has the nonce
				{"GET", "/orders/7%2F8?limit=2", "#items", "", 1},
				{"GET", "/orders/%7Ea%c3%a9", "", "", 1},
			} {
				req, err := http.NewRequestWithContext(t.Context(), row.method, api.origin+row.target+row.fragment, bytes.NewReader([]byte(row.body)))
				if err != nil {
					t.Fatal(err)
				}
				resp, err := client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				line, thumbprint := api.accepted()
				if seen := api.take(); resp.StatusCode != http.StatusOK || len(seen) != row.requests || line != row.method+" "+row.target || thumbprint != signer.Thumbprint() {
					t.Errorf("%s %s: got status %d, accepted request %q with thumbprint %q, and the requests %+v, want 200, %d requests and thumbprint %s", row.method, row.target, resp.StatusCode, line, thumbprint, seen, row.requests, signer.Thumbprint())
				}
			}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, i.url, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			if resp, err := client.Do(req); !errors.Is(err, dpop.ErrOrigin) {
				if err == nil {
					resp.Body.Close()
				}
				t.Errorf("request to a different origin: got error %v, want dpop.ErrOrigin", err)
			}
		})
	}
}
