package scalekit

import (
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// restCall answers a request: with a body that becomes JSON, or an error. What
// it finds wrong with the request it adds to the violations.
type restCall func(*http.Request, *violations) (any, error)

// empty is the answer of what deletes: {}.
type empty struct{}

type rawJSON = jsontext.Value

type restRoute struct {
	method, path string
	status       int
	call         restCall
}

// restRoutes maps the vendor's REST API.
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
		mux.Handle(route.method+" "+route.path, env.api(env.admin(route.status, route.call)))
	}
	refuseOthers(mux, routes)
	mux.HandleFunc("/api/", notFound)
}

// devRoutes maps what the vendor does not have: calls for drills. No fault is in
// their way.
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
		mux.Handle(route.method+" "+route.path, env.admin(route.status, route.call))
	}
	refuseOthers(mux, routes)
	mux.HandleFunc("/dev/", notFound)
}

// refuseOthers answers other methods on the paths of routes.
func refuseOthers(mux *http.ServeMux, routes []restRoute) {
	seen := make(map[string]bool)
	for _, route := range routes {
		if !seen[route.path] {
			mux.HandleFunc(route.path, methodNotAllowed)
		}
		seen[route.path] = true
	}
}

// api puts the faults of the admin API in front of h.
func (env *Environment) api(h http.Handler) http.Handler {
	return env.issuer.WithFaults(apiEndpoint, h)
}

// admin lets a request through to call if it carries a token of the
// environment's own client.
func (env *Environment) admin(status int, call restCall) http.Handler {
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
	return jsonReader{v}.body(r, prefix, known)
}

// readPage reads what part of a list is asked for.
func readPage(r *http.Request, v *violations) pageRequest {
	query := r.URL.Query()
	asked := pageRequest{token: query.Get("page_token")}
	if !query.Has("page_size") {
		return asked
	}
	size, err := strconv.ParseUint(query.Get("page_size"), 10, 32)
	if err != nil {
		v.refuse("page_size", "must be a whole number that is not negative", "uint32")
	}
	asked.size = uint32(size)
	return asked
}

func notFound(w http.ResponseWriter, _ *http.Request) {
	writeError(w, &apiError{code: codeNotFound, message: "Not Found"})
}

func methodNotAllowed(w http.ResponseWriter, _ *http.Request) {
	writeError(w, &apiError{code: codeUnimplemented, message: "Method Not Allowed"})
}
