package main

import (
	"crypto/rand"
	"crypto/rsa"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/bench/peers"
)

// requestCases returns the cases in which the token is valid and the request is not, and requests
// that are valid in an unusual form.
func requestCases(issuer *bearertest.Issuer) []testCase {
	token := issuer.Mint(jwtType, valid())
	query := func(r *http.Request) { r.URL.RawQuery = "access_token=" + token + "&jwt=" + token }
	cookie := func(r *http.Request) {
		for _, name := range []string{"jwt", "access_token", "token"} {
			r.Header.Add("Cookie", name+"="+token)
		}
	}
	fields := func(values ...string) func(r *http.Request) {
		return func(r *http.Request) { r.Header["Authorization"] = values }
	}
	return []testCase{
		{group: requests, name: "two Authorization fields, the first one valid", send: fields("Bearer "+token, "Bearer x")},
		{group: requests, name: "the token in the query", send: query},
		{group: requests, name: "the token in a cookie", send: cookie},
		{group: requests, name: "the token without the scheme Bearer", send: fields(token)},
		{group: requests, name: "1 MiB of dots after the token", send: fields("Bearer " + token + strings.Repeat(".", 1<<20))},
		{group: accepted, name: "the scheme in lower case", send: fields("bearer " + token)},
	}
}

// keyServer serves key sets. Each case that needs its own key set has a path.
type keyServer struct {
	*httptest.Server
	mux *http.ServeMux
	n   int
}

func newKeyServer() *keyServer {
	mux := http.NewServeMux()
	return &keyServer{Server: httptest.NewServer(mux), mux: mux}
}

// add serves a key set and returns its URL.
func (s *keyServer) add(jwks ...[]byte) string {
	s.n++
	path := "/" + strings.Repeat("k", s.n)
	set, err := json.Marshal(object{"keys": rawValues(jwks)})
	if err != nil {
		panic(err) //nolint:forbidigo // the keys are JSON
	}
	s.mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(set)
	})
	return s.URL + path
}

func rawValues(texts [][]byte) []jsontext.Value {
	list := make([]jsontext.Value, 0, len(texts))
	for _, text := range texts {
		list = append(list, text)
	}
	return list
}

// keyCases returns the cases with a key that the issuer publishes, but not for these tokens. The key
// set also has a usual key.
func keyCases(issuer *bearertest.Issuer, server *keyServer) []testCase {
	usual, odd := issuer.Keys()[0], bearertest.NewKey("RS256", "odd")
	weak, err := rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // a key that must be refused
	if err != nil {
		panic(err) //nolint:forbidigo // the size is supported
	}
	var list []testCase
	add := func(name string, key *bearertest.Key, changes object) {
		members := object{}
		if err := json.Unmarshal(key.JWK(), &members); err != nil {
			panic(err) //nolint:forbidigo // the key is JSON
		}
		maps.Copy(members, changes)
		maps.DeleteFunc(members, func(_ string, value any) bool { return value == nil })
		list = append(list, testCase{
			group: keys, name: name, token: sign(key, object{"typ": "JWT", "alg": "RS256", "kid": key.ID()}, issuer),
			setup: &peers.Setup{
				Issuer: issuer.URL(), Audience: audience, Alg: "RS256", Scope: scope,
				KeysURL: server.add(usual.JWK(), []byte(marshal(members))),
			},
		})
	}
	add("a key for encryption (use)", odd, object{"use": "enc"})
	add("a key for encryption (key_ops)", odd, object{"use": nil, "key_ops": []string{"encrypt"}})
	add("a key for a different algorithm (alg)", odd, object{"alg": "PS256"})
	add("an RSA key of 1,024 bits", bearertest.KeyFrom(weak, "RS256", "weak"), nil)
	return list
}
