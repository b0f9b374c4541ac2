package scalekit

import (
	"io"
	"net/http"
	"strings"
	"unicode/utf8"
)

const (
	maxBodySize = 1 << 20
	maxIDLength = 32
)

// createClientResponse is the only place where the API shows a secret.
type createClientResponse struct {
	Client      clientResource `json:"client"`
	PlainSecret string         `json:"plain_secret"`
}

// serveCreateClient registers a client for an organization.
func (env *Environment) serveCreateClient(w http.ResponseWriter, r *http.Request) {
	response, err := env.createClient(r)
	if err != nil {
		writeError(w, err)
		return
	}
	writeJSON(w, http.StatusCreated, response)
}

func (env *Environment) createClient(r *http.Request) (*createClientResponse, error) {
	organizationID := r.PathValue("organization_id")
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	wanted, violations, err := parseSettings(body)
	if err != nil {
		return nil, err
	}
	violations = append(checkOrganizationID(organizationID), violations...)
	if len(violations) > 0 {
		return nil, &apiError{code: codeInvalidArgument, message: "validation failed", violations: violations}
	}
	if wanted.expiry == 0 {
		wanted.expiry = defaultExpiry
	}
	c, plain, err := env.store.createClient(organizationID, wanted)
	if err != nil {
		return nil, err
	}
	return &createClientResponse{c.resource(), plain}, nil
}

func readBody(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBodySize+1))
	if err != nil {
		return nil, &apiError{code: codeInvalidArgument, message: "the request body was cut off"}
	}
	if len(body) > maxBodySize {
		return nil, &apiError{code: codeInvalidArgument, message: "the request body is larger than 1 MiB"}
	}
	return body, nil
}

func checkOrganizationID(id string) []violation {
	switch {
	case !strings.HasPrefix(id, "org_"):
		return []violation{{"organization_id", "must begin with org_", "string.prefix"}}
	case utf8.RuneCountInString(id) > maxIDLength:
		return []violation{{"organization_id", "must have at most 32 characters", "string.max_len"}}
	}
	return nil
}
