package scalekit

import "net/http"

// createdClient is the response to the registration of a client. It contains the plain secret.
type createdClient struct {
	Client      clientResource `json:"client"`
	PlainSecret string         `json:"plain_secret"`
}

// createdSecret is the response to the creation of a secret. It contains the plain secret.
type createdSecret struct {
	PlainSecret string         `json:"plain_secret"`
	Secret      secretResource `json:"secret"`
}

type oneClient struct {
	Client clientResource `json:"client"`
}

type oneSecret struct {
	Secret secretResource `json:"secret"`
}

type clientList struct {
	NextPageToken string           `json:"next_page_token"`
	TotalSize     int              `json:"total_size"`
	Clients       []clientResource `json:"clients"`
	PrevPageToken string           `json:"prev_page_token"`
}

func (env *Environment) restCreateClient(r *http.Request, v *violations) (any, error) {
	var wanted settings
	if err := readBody(r, v, "client.", jsonReader{v}.settingsFields(&wanted)); err != nil {
		return nil, err
	}
	c, plain, err := env.createClient(r.PathValue("organization_id"), wanted, v)
	return createdClient{c.resource(), plain}, err
}

func (env *Environment) restGetClient(r *http.Request, v *violations) (any, error) {
	c, err := env.getClient(r.PathValue("organization_id"), r.PathValue("client_id"), v)
	return oneClient{c.resource()}, err
}

func (env *Environment) restListClients(r *http.Request, v *violations) (any, error) {
	p, err := env.listClients(r.PathValue("organization_id"), readPage(r, v), v)
	list := clientList{NextPageToken: p.next, TotalSize: p.total, PrevPageToken: p.prev}
	for _, c := range p.items {
		list.Clients = append(list.Clients, c.resource())
	}
	return list, err
}

func (env *Environment) restUpdateClient(r *http.Request, v *violations) (any, error) {
	var update settings
	if err := readBody(r, v, "client.", jsonReader{v}.settingsFields(&update)); err != nil {
		return nil, err
	}
	c, err := env.updateClient(r.PathValue("organization_id"), r.PathValue("client_id"), update, v)
	c.secrets = nil // the vendor's response to an update has no secrets
	return oneClient{c.resource()}, err
}

func (env *Environment) restDeleteClient(r *http.Request, v *violations) (any, error) {
	return emptyBody{}, env.deleteClient(r.PathValue("organization_id"), r.PathValue("client_id"), v)
}

func (env *Environment) restCreateSecret(r *http.Request, v *violations) (any, error) {
	s, plain, err := env.createSecret(r.PathValue("organization_id"), r.PathValue("client_id"), v)
	return createdSecret{plain, s.resource()}, err
}

func (env *Environment) restDeleteSecret(r *http.Request, v *violations) (any, error) {
	return emptyBody{}, env.deleteSecret(r.PathValue("organization_id"), r.PathValue("client_id"), r.PathValue("secret_id"), v)
}

// In the next three methods, the client may belong to any organization, or be the
// environment's own client.

func (env *Environment) restAddSecret(r *http.Request, v *violations) (any, error) {
	v.checkID("client_id", r.PathValue("client_id"), "")
	s, plain, err := env.addSecret("", r.PathValue("client_id"), v)
	return createdSecret{plain, s.resource()}, err
}

func (env *Environment) restSetSecret(r *http.Request, v *violations) (any, error) {
	status, reader := secretActive, jsonReader{v}
	err := readBody(r, v, "secret.", fields{"status": func(field string, value rawJSON) {
		status = reader.readEnum(field, value, secretStatusNames()...)
	}})
	if err != nil {
		return nil, err
	}
	s, err := env.setSecretStatus(r.PathValue("client_id"), r.PathValue("secret_id"), status == secretActive, v)
	return oneSecret{s.resource()}, err
}

func (env *Environment) restDropSecret(r *http.Request, v *violations) (any, error) {
	v.checkID("client_id", r.PathValue("client_id"), "")
	return emptyBody{}, env.dropSecret("", r.PathValue("client_id"), r.PathValue("secret_id"), v)
}
