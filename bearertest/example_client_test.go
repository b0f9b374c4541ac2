package bearertest_test

// The page docs/reasons.md contains parts of this file.

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/bearertest"
)

// send sends a request without a body. It retries once: with a new token if the token was
// refused, or after the time in Retry-After if the service cannot verify tokens now.
func send(client *http.Client, request *http.Request, token func(renew bool) string) (*http.Response, error) {
	request.Header.Set("Authorization", "Bearer "+token(false))
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	switch challenge := response.Header.Get("WWW-Authenticate"); {
	case response.StatusCode == http.StatusUnauthorized && strings.Contains(challenge, `error="invalid_token"`):
		request.Header.Set("Authorization", "Bearer "+token(true))
	case response.StatusCode == http.StatusServiceUnavailable:
		seconds, _ := strconv.Atoi(response.Header.Get("Retry-After"))
		if seconds <= 0 || seconds > 30 {
			return response, nil
		}
		select {
		case <-time.After(time.Duration(seconds) * time.Second):
		case <-request.Context().Done():
			return response, nil
		}
	default:
		return response, nil
	}
	_ = response.Body.Close()
	return client.Do(request)
}

// handlerTransport serves and counts requests with a handler, without a network.
type handlerTransport struct {
	http.Handler

	requests int
}

func (h *handlerTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	h.requests++
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result(), nil
}

func TestClient(t *testing.T) {
	for name, test := range map[string]struct {
		scope    string
		exp      time.Duration // of the first token
		outage   bool          // the issuer answers the first requests for the metadata with 502
		status   int
		requests int
		renewed  int
	}{
		"accepted":      {"deploy:applications", time.Hour, false, 201, 1, 0},
		"expired":       {"deploy:applications", -time.Minute, false, 201, 2, 1},
		"missing scope": {"read:deployments", time.Hour, false, 403, 1, 0},
		"no keys yet":   {"deploy:applications", time.Hour, true, 201, 2, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			issuer := newIssuer()
			if test.outage {
				issuer.Inject(bearertest.DiscoveryEndpoint, bearertest.Fault{Status: http.StatusBadGateway, Times: 4})
			}
			api := &handlerTransport{Handler: newTestAPI(t, issuer)}
			synctest.Wait() // the first fetch has ended, so that the first request waits for the second fetch
			renewed := 0
			token := func(renew bool) string {
				if renew {
					renewed++
					return issuer.Token(map[string]any{"scope": test.scope})
				}
				return issuer.Token(map[string]any{"scope": test.scope, "exp": time.Now().Add(test.exp)})
			}
			request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "https://api.example/deployments", http.NoBody)
			request.RequestURI = "" // only servers set this field
			response, err := send(&http.Client{Transport: api}, request, token)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if response.StatusCode != test.status || api.requests != test.requests || renewed != test.renewed {
				t.Errorf("%s: got status %d, %d requests and %d new tokens, want %d, %d and %d", name, response.StatusCode, api.requests, renewed, test.status, test.requests, test.renewed)
			}
		})
	}
}
