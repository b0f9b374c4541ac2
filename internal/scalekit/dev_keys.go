package scalekit

import "net/http"

type oneKey struct {
	Key signingKey `json:"key"`
}

type keyList struct {
	Keys []signingKey `json:"keys"`
}

func (env *Environment) devListKeys(*http.Request, *violations) (any, error) {
	return keyList{env.keys()}, nil
}

func (env *Environment) devAddKey(*http.Request, *violations) (any, error) {
	id, err := env.addKey()
	if err != nil {
		return nil, err
	}
	return env.shownKey(id)
}

func (env *Environment) devPromoteKey(r *http.Request, _ *violations) (any, error) {
	if err := env.promoteKey(r.PathValue("kid")); err != nil {
		return nil, err
	}
	return env.shownKey(r.PathValue("kid"))
}

func (env *Environment) devRetireKey(r *http.Request, _ *violations) (any, error) {
	return emptyBody{}, env.retireKey(r.PathValue("kid"))
}

func (env *Environment) devRotateKey(*http.Request, *violations) (any, error) {
	id, err := env.RotateKey()
	if err != nil {
		return nil, err
	}
	return env.shownKey(id)
}

func (env *Environment) shownKey(id string) (any, error) {
	for _, k := range env.keys() {
		if k.ID == id {
			return oneKey{k}, nil
		}
	}
	return nil, errKeyNotFound() // a concurrent request has retired the key
}
