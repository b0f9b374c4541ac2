package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/bearerkit/bearer/internal/scalekit"
)

const clientName = "GitHub Actions Deployment Service"

// registration is the body of the REST request that registers a client.
type registration struct {
	Name         string        `json:"name"`
	Description  string        `json:"description"`
	CustomClaims []customClaim `json:"custom_claims"`
	Scopes       []string      `json:"scopes"`
	Audience     []string      `json:"audience"`
	Expiry       int           `json:"expiry"` // seconds
}

type customClaim struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// register registers a machine client for the organization that the argument admin names. It
// returns the ID and the secret of the client.
func register(ctx context.Context, url string, admin scalekit.Credentials) (id, secret string, err error) {
	body, err := json.Marshal(registration{
		Name:        clientName,
		Description: "Service account for GitHub Actions to deploy applications to production",
		CustomClaims: []customClaim{
			{"github_repository", "acmecorp/inventory-service"},
			{"environment", "production_us"},
		},
		Scopes:   []string{"deploy:applications", "read:deployments"},
		Audience: []string{defaultAudience},
		Expiry:   3600,
	})
	if err != nil {
		return "", "", err
	}
	endpoint := url + "/api/v1/organizations/" + admin.OrganizationID + "/clients"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, bytes.NewReader(body))
	if err != nil {
		return "", "", err
	}
	request.Header.Set("Content-Type", "application/json")
	// The administrator uses the environment's own client, which gets a token by the
	// client credentials grant. The http.Client of package clientcredentials requests
	// this token and adds it to each request.
	environmentClient := credentials(url, admin.ClientID, admin.ClientSecret)
	response, err := environmentClient.Client(ctx).Do(request)
	if err != nil {
		return "", "", err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	if err != nil {
		return "", "", err
	}
	if response.StatusCode != http.StatusCreated {
		return "", "", fmt.Errorf("%s: %s", response.Status, answer)
	}
	var created struct {
		Client struct {
			ID string `json:"client_id"`
		} `json:"client"`
		PlainSecret string `json:"plain_secret"` // only the response to the registration contains the plain secret
	}
	if err := json.Unmarshal(answer, &created); err != nil {
		return "", "", err
	}
	return created.Client.ID, created.PlainSecret, nil
}
