package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/bearerkit/bearer/dpop"
)

// credential is what a request proves its caller with.
type credential struct {
	token string // "" if the request has no token
	// proof returns the proof for a bound token. It is nil for a bearer token.
	proof func(method, uri string) (string, error)
}

// fields returns the fields of a request with the credential (RFC 6750, section 2.1; RFC 9449, section
// 7.1). The keys of gRPC metadata are in lower case, and those of HTTP may be.
func (c credential) fields(method, uri string) (map[string]string, error) {
	switch {
	case c.token == "":
		return nil, nil
	case c.proof == nil:
		return map[string]string{"authorization": "Bearer " + c.token}, nil
	}
	proof, err := c.proof(method, uri)
	if err != nil {
		return nil, err
	}
	return map[string]string{"authorization": "DPoP " + c.token, "dpop": proof}, nil
}

// once returns a function that calls prove once, and returns the same proof each time.
func once(prove func(method, uri string) (string, error)) func(method, uri string) (string, error) {
	var text string
	return func(method, uri string) (_ string, err error) {
		if text == "" {
			text, err = prove(method, uri)
		}
		return text, err
	}
}

// bound is a client whose token is bound to its key, and a thief without the key.
type bound struct {
	token        string
	owner, thief *dpop.Signer
}

// newBound requests a token that is bound to a new key (RFC 9449, section 5). It returns nil if the
// environment is not embedded, because other environments may not support DPoP.
func (env *environment) newBound(ctx context.Context) (*bound, error) {
	if env.sign == nil {
		return nil, nil
	}
	owner, err := dpop.GenerateSigner()
	if err != nil {
		return nil, err
	}
	thief, err := dpop.GenerateSigner()
	if err != nil {
		return nil, err
	}
	proof, err := owner.Proof(http.MethodPost, env.client.TokenURL, "", "")
	if err != nil {
		return nil, err
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {env.client.ClientID}, "client_secret": {env.client.ClientSecret}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, env.client.TokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("DPoP", proof)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("get a bound token: %w", err)
	}
	defer response.Body.Close()
	var answer struct {
		Token string `json:"access_token"`
		Type  string `json:"token_type"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return nil, fmt.Errorf("get a bound token: %w", err)
	}
	if !strings.EqualFold(answer.Type, "DPoP") {
		return nil, fmt.Errorf("get a bound token: the issuer answered %s and the type %q, want DPoP", response.Status, answer.Type)
	}
	return &bound{answer.Token, owner, thief}, nil
}

func (b *bound) proof(method, uri string) (string, error) {
	return b.owner.Proof(method, uri, b.token, "")
}

// proofOfThief returns a proof with the key of the thief, who has only the token.
func (b *bound) proofOfThief(method, uri string) (string, error) {
	return b.thief.Proof(method, uri, b.token, "")
}

// proofForPUT returns a proof for a method that differs from the method of the request.
func (b *bound) proofForPUT(_, uri string) (string, error) {
	return b.owner.Proof(http.MethodPut, uri, b.token, "")
}
