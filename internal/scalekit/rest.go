package scalekit

import (
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// restCall handles a request. A restCall returns an error or the response body. The caller
// encodes the body as JSON. A restCall adds all problems with the request to the
// violations.
type restCall func(*http.Request, *violations) (any, error)

// emptyBody is the response body of a deletion. The JSON form is {}.
type emptyBody struct{}

type rawJSON = jsontext.Value

type restRoute struct {
	method, path string
	status       int
	call         restCall
}

// restRoutes registers the vendor's REST API on mux.
func (env *Environment) restRoutes(mux *http.ServeMux) {
	const (
		organizations = "/api/v1/organizations"
		organization  = organizations + "/{organization_id}"
		external      = organizations + ":external/{external_id}"
		clients       = organization + "/clients"
		client        = clients + "/{client_id}"
		anyClient     = "/api/v1/clients/{client_id}/secrets"
	)
	routes := []restRoute{
		{http.MethodPost, organizations, http.StatusCreated, env.restCreateOrganization},
		{http.MethodGet, organizations, http.StatusOK, env.restListOrganizations},
		{http.MethodGet, organizations + ":search", http.StatusOK, env.restSearchOrganizations},
		{http.MethodGet, external, http.StatusOK, env.restGetOrganization},
		{http.MethodGet, organization, http.StatusOK, env.restGetOrganization},
		{http.MethodPatch, organization, http.StatusOK, env.restUpdateOrganization},
		{http.MethodPatch, organization + "/settings", http.StatusOK, env.restUpdateSettings},
		{http.MethodDelete, organization, http.StatusOK, env.restDeleteOrganization},

		{http.MethodPost, clients, http.StatusCreated, env.restCreateClient},
		{http.MethodGet, clients, http.StatusOK, env.restListClients},
		{http.MethodGet, client, http.StatusOK, env.restGetClient},
		{http.MethodPatch, client, http.StatusOK, env.restUpdateClient},
		{http.MethodDelete, client, http.StatusOK, env.restDeleteClient},
		{http.MethodPost, client + "/secrets", http.StatusCreated, env.restCreateSecret},
		{http.MethodDelete, client + "/secrets/{secret_id}", http.StatusOK, env.restDeleteSecret},

		{http.MethodPost, anyClient, http.StatusCreated, env.restAddSecret},
		{http.MethodPut, anyClient + "/{secret_id}", http.StatusOK, env.restSetSecret},
		{http.MethodPatch, anyClient + "/{secret_id}", http.StatusOK, env.restSetSecret},
		{http.MethodDelete, anyClient + "/{secret_id}", http.StatusOK, env.restDropSecret},
	}
	for _, route := range routes {
		mux.Handle(route.method+" "+route.path, env.withFaults(env.adminHandler(route.status, route.call)))
	}
	refuseOthers(mux, routes)
	mux.HandleFunc("/api/", notFound)
}

// devRoutes registers the endpoints for drills. The vendor does not have these endpoints.
// Injected faults do not affect these endpoints.
func (env *Environment) devRoutes(mux *http.ServeMux) {
	const (
		keys   = "/dev/keys"
		faults = "/dev/faults"
	)
	routes := []restRoute{
		{http.MethodGet, keys, http.StatusOK, env.devListKeys},
		{http.MethodPost, keys, http.StatusCreated, env.devAddKey},
		{http.MethodPost, keys + ":rotate", http.StatusCreated, env.devRotateKey},
		{http.MethodPost, keys + "/{kid}/promote", http.StatusOK, env.devPromoteKey},
		{http.MethodDelete, keys + "/{kid}", http.StatusOK, env.devRetireKey},
		{http.MethodGet, faults, http.StatusOK, env.devListFaults},
		{http.MethodPut, faults + "/{endpoint}", http.StatusOK, env.devSetFault},
		{http.MethodDelete, faults + "/{endpoint}", http.StatusOK, env.devRepair},
	}
	for _, route := range routes {
		mux.Handle(route.method+" "+route.path, env.adminHandler(route.status, route.call))
	}
	refuseOthers(mux, routes)
	mux.HandleFunc("/dev/", notFound)
}

// refuseOthers registers a handler for each path in routes. This handler refuses the
// methods that the path does not support.
func refuseOthers(mux *http.ServeMux, routes []restRoute) {
	seen := make(map[string]bool)
	for _, route := range routes {
		if !seen[route.path] {
			mux.HandleFunc(route.path, methodNotAllowed)
		}
		seen[route.path] = true
	}
}

// withFaults returns a handler that calls h. Injected faults of the admin API affect the
// returned handler.
func (env *Environment) withFaults(h http.Handler) http.Handler {
	return env.issuer.WithFaults(apiEndpoint, h)
}

// adminHandler returns a handler that requires a token of the environment's own client and
// then calls the restCall. If the restCall returns no error, the response has this status.
func (env *Environment) adminHandler(status int, call restCall) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := env.authorize(r.Context(), r.Header.Values("Authorization"))
		if err != nil {
			writeError(w, err)
			return
		}
		var v violations
		body, err := call(r, &v)
		if err != nil {
			writeError(w, err)
			return
		}
		writeJSON(w, status, body)
	})
}

func readBody(r *http.Request, v *violations, prefix string, known fields) error {
	return jsonReader{v}.readBody(r, prefix, known)
}

// readPage reads page_size and page_token from the query.
func readPage(r *http.Request, v *violations) pageRequest {
	query := r.URL.Query()
	page := pageRequest{token: query.Get("page_token")}
	if !query.Has("page_size") {
		return page
	}
	size, err := strconv.ParseUint(query.Get("page_size"), 10, 32)
	if err != nil {
		v.addViolation("page_size", "must be a whole number from 0 to 4294967295", "uint32")
	}
	page.size = uint32(size)
	return page
}

func notFound(w http.ResponseWriter, _ *http.Request) {
	writeError(w, &apiError{code: codeNotFound, message: "Not Found"})
}

func methodNotAllowed(w http.ResponseWriter, _ *http.Request) {
	writeError(w, &apiError{code: codeUnimplemented, message: "Method Not Allowed"})
}
