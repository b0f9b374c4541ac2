package scalekit

import "net/http"

type oneOrganization struct {
	Organization organizationResource `json:"organization"`
}

type organizationList struct {
	NextPageToken string                 `json:"next_page_token"`
	TotalSize     int                    `json:"total_size"`
	Organizations []organizationResource `json:"organizations"`
	PrevPageToken string                 `json:"prev_page_token"`
}

func (env *Environment) restCreateOrganization(r *http.Request, v *violations) (any, error) {
	var wanted profile
	if err := readBody(r, v, "organization.", jsonReader{v}.profileFields(&wanted)); err != nil {
		return nil, err
	}
	o, err := env.createOrganization(wanted, v)
	return oneOrganization{o.resource()}, err
}

func (env *Environment) restGetOrganization(r *http.Request, v *violations) (any, error) {
	o, err := env.getOrganization(organizationInPath(r), v)
	return oneOrganization{o.resource()}, err
}

func (env *Environment) restListOrganizations(r *http.Request, v *violations) (any, error) {
	var externalID *string
	if query := r.URL.Query(); query.Has("external_id") {
		id := query.Get("external_id")
		externalID = &id
	}
	p, err := env.listOrganizations(externalID, readPage(r, v), v)
	return organizationsOf(p), err
}

func (env *Environment) restSearchOrganizations(r *http.Request, v *violations) (any, error) {
	p, err := env.searchOrganizations(r.URL.Query().Get("query"), readPage(r, v), v)
	return organizationsOf(p), err
}

func organizationsOf(p listPage[organization]) organizationList {
	list := organizationList{NextPageToken: p.next, TotalSize: p.total, PrevPageToken: p.prev}
	for _, o := range p.items {
		list.Organizations = append(list.Organizations, o.resource())
	}
	return list
}

func (env *Environment) restUpdateOrganization(r *http.Request, v *violations) (any, error) {
	var update profile
	if err := readBody(r, v, "organization.", jsonReader{v}.profileFields(&update)); err != nil {
		return nil, err
	}
	o, err := env.updateOrganization(organizationInPath(r), update, v)
	return oneOrganization{o.resource()}, err
}

func (env *Environment) restUpdateSettings(r *http.Request, v *violations) (any, error) {
	var features []feature
	err := readBody(r, v, "settings.", fields{"features": func(field string, value rawJSON) {
		features = jsonReader{v}.features(field, value)
	}})
	if err != nil {
		return nil, err
	}
	o, err := env.updateFeatures(r.PathValue("organization_id"), features, v)
	return oneOrganization{o.resource()}, err
}

func (env *Environment) restDeleteOrganization(r *http.Request, v *violations) (any, error) {
	return emptyBody{}, env.deleteOrganization(organizationInPath(r), v)
}

// organizationInPath returns the identity of the organization in the path of a request.
func organizationInPath(r *http.Request) identity {
	return identity{id: r.PathValue("organization_id"), externalID: r.PathValue("external_id")}
}
