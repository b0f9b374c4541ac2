package bearer_test

import (
	"io"
	"net/http"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/refusal"
	"github.com/bearerkit/bearer/scopes"
)

// guarded returns a mux with the route GET /things. It decides with bearer.Decide and answers with
// what package refusal allows the client to learn, as the guards of the transports do. The tests
// of this package do not import these guards.
func guarded(v bearer.Verifier, rule scopes.Rule) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /things", func(w http.ResponseWriter, r *http.Request) {
		_, err := bearer.Decide(r.Context(), v, bearer.Request{Transport: "http", Route: "GET /things", Authorization: r.Header["Authorization"], Rule: rule})
		if err == nil {
			return
		}
		answer := refusal.Of(err)
		for _, challenge := range refusal.NewChallenges(refusal.Params{}).For(answer) {
			w.Header().Add("WWW-Authenticate", challenge)
		}
		w.WriteHeader(answer.Status)
		_, _ = io.WriteString(w, answer.Description)
	})
	return mux
}
