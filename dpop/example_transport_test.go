package dpop_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/bearerkit/bearer/dpop"
)

// requestToken requests a token that is bound to the key of signer (RFC 9449, section 5).
func requestToken(ctx context.Context, signer *dpop.Signer, endpoint, id, secret string) (string, error) {
	proof, err := signer.Proof(http.MethodPost, endpoint, "", "")
	if err != nil {
		return "", err
	}
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {"deploy:applications"}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	request.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("DPoP", proof)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var answer struct {
		Token string `json:"access_token"`
		Type  string `json:"token_type"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return "", err
	}
	if response.StatusCode != http.StatusOK || !strings.EqualFold(answer.Type, "DPoP") {
		return "", fmt.Errorf("the issuer answered %s with the token_type %q, want DPoP", response.Status, answer.Type)
	}
	return answer.Token, nil
}

// newClient returns a client of the API. It requests one token, which works until it expires. A real
// client keeps the token and its end, and requests the next token shortly before.
func newClient(ctx context.Context, endpoint, id, secret string) (*http.Client, error) {
	signer, err := dpop.GenerateSigner()
	if err != nil {
		return nil, err
	}
	token, err := requestToken(ctx, signer, endpoint, id, secret)
	if err != nil {
		return nil, err
	}
	transport, err := dpop.NewTransport(dpop.TransportOptions{
		Signer:  signer,
		Token:   func(context.Context) (string, error) { return token, nil },
		Origins: []string{"https://api.example"},
	})
	if err != nil {
		return nil, err
	}
	return &http.Client{Transport: transport}, nil
}
