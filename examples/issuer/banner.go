package main

import (
	"io"
	"text/template"

	"github.com/bearerkit/bearer/internal/scalekit"
)

// bannerText is what the program says when it starts. Its commands need a POSIX
// shell, curl and sed, and can be run one after the other as they stand.
const bannerText = `A Scalekit environment, for development and tests only.
Its state is in memory and ends with this program.

environment URL    {{.URL}}
client ID          {{.ClientID}}
client secret      {{.ClientSecret}}
organization ID    {{.OrganizationID}}

Get an admin token, with the environment's own client:

  ADMIN_TOKEN=$(curl -sS '{{.URL}}/oauth/token' \
    -d 'grant_type=client_credentials' \
    -d 'client_id={{.ClientID}}' \
    -d 'client_secret={{.ClientSecret}}' |
    sed -n 's/.*"access_token":"\([^"]*\)".*/\1/p')

Register an M2M client for the organization:

  REGISTERED=$(curl -sS -L '{{.URL}}/api/v1/organizations/{{.OrganizationID}}/clients' \
    -H 'Content-Type: application/json' \
    -H "Authorization: Bearer $ADMIN_TOKEN" \
    -d '{
      "name": "GitHub Actions Deployment Service",
      "description": "Service account for GitHub Actions to deploy applications to production",
      "custom_claims": [
        {"key": "github_repository", "value": "acmecorp/inventory-service"},
        {"key": "environment", "value": "production_us"}
      ],
      "scopes": ["deploy:applications", "read:deployments"],
      "audience": ["deployment-api.acmecorp.com"],
      "expiry": 3600
    }')
  echo "$REGISTERED"

Get an access token for it:

  M2M_CLIENT_ID=$(echo "$REGISTERED" | sed -n 's/.*"client_id":"\([^"]*\)".*/\1/p')
  M2M_CLIENT_SECRET=$(echo "$REGISTERED" | sed -n 's/.*"plain_secret":"\([^"]*\)".*/\1/p')
  curl -sS -X POST '{{.URL}}/oauth/token' \
    -H 'Content-Type: application/x-www-form-urlencoded' \
    -d 'grant_type=client_credentials' \
    -d "client_id=$M2M_CLIENT_ID" \
    -d "client_secret=$M2M_CLIENT_SECRET"

Fetch the keys and the metadata:

  curl -sS '{{.URL}}/keys'
  curl -sS '{{.URL}}/.well-known/openid-configuration'

Ctrl-C stops it.
`

func writeBanner(w io.Writer, address string, credentials scalekit.Credentials) error {
	banner, err := template.New("banner").Parse(bannerText)
	if err != nil {
		return err
	}
	return banner.Execute(w, struct {
		URL string
		scalekit.Credentials
	}{address, credentials})
}
