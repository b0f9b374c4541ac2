package main

import (
	"fmt"
	"net/http"
	"sync"
)

// trail is a transport that records the requests of a client.
type trail struct {
	next *http.Transport

	mu    sync.Mutex // guards the field "steps"
	steps []string
}

func (t *trail) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := t.next.RoundTrip(r)
	if err == nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.steps = append(t.steps, fmt.Sprintf("%s %s %d", r.Method, r.URL, response.StatusCode))
	}
	return response, err
}

// takeSteps returns the requests since the last call of takeSteps.
func (t *trail) takeSteps() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	steps := t.steps
	t.steps = nil
	return steps
}
