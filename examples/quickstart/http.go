package main

import (
	"encoding/json"
	"net/http"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/middleware"
	"github.com/bearerkit/bearer/scopes"
)

// maxBody is the maximum number of bytes that the program reads from a body.
const maxBody = 1 << 20

// newHandler returns the API over HTTP.
func newHandler(v bearer.Verifier) (http.Handler, error) {
	guard, err := middleware.New(v, nil)
	if err != nil {
		return nil, err
	}

	var rules scopes.Table
	rules.Handle("POST /deployments", scopes.All("deploy:applications"))
	rules.Handle("GET /deployments/{id}", scopes.Any("read:deployments", "deploy:applications"))
	rules.Handle("DELETE /deployments/{id}", scopes.All("delete:deployments"))
	rules.Handle("GET /healthz", scopes.Public())

	mux := http.NewServeMux()
	mux.HandleFunc("POST /deployments", create)
	mux.HandleFunc("GET /deployments/{id}", show)
	mux.HandleFunc("DELETE /deployments/{id}", remove)
	mux.HandleFunc("GET /healthz", healthy)
	return guard.Enforce(&rules)(mux), nil // the guard refuses a request to a route that has no rule
}

// deployment is the response body of the API. The API deploys nothing and stores nothing.
type deployment struct {
	ID          string `json:"id"`
	Application string `json:"application,omitempty"`
	Phase       string `json:"phase"`
	Caller      caller `json:"caller"`
}

// deploymentID is the ID of every deployment.
const deploymentID = "dep_1"

func create(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Application string `json:"application"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&request); err != nil {
		http.Error(w, `the request body must be a JSON object such as {"application": "..."}`, http.StatusBadRequest)
		return
	}
	reply(w, r, http.StatusCreated, deployment{ID: deploymentID, Application: request.Application, Phase: "building"})
}

func show(w http.ResponseWriter, r *http.Request) {
	reply(w, r, http.StatusOK, deployment{ID: r.PathValue("id"), Phase: "done"})
}

func remove(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }

func healthy(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }

func reply(w http.ResponseWriter, r *http.Request, status int, d deployment) {
	var err error
	if d.Caller, err = callerFrom(r.Context()); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(d) // an error means that the client is gone
}
