package scalekit

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/bearerkit/bearer/bearertest"
)

// problemView is the failure of an action on the keys or the faults.
type problemView struct {
	Section string // ID of the section of the page
	Text    string
}

func (env *Environment) actRotateKey(w http.ResponseWriter, r *http.Request, _ url.Values) {
	_, err := env.RotateKey()
	env.finishAction(w, r, "keys", err)
}

func (env *Environment) actAddKey(w http.ResponseWriter, r *http.Request, _ url.Values) {
	_, err := env.addKey()
	env.finishAction(w, r, "keys", err)
}

func (env *Environment) actPromoteKey(w http.ResponseWriter, r *http.Request, form url.Values) {
	env.finishAction(w, r, "keys", env.promoteKey(form.Get("kid")))
}

func (env *Environment) actRetireKey(w http.ResponseWriter, r *http.Request, form url.Values) {
	env.finishAction(w, r, "keys", env.retireKey(form.Get("kid")))
}

func (env *Environment) actSetFault(w http.ResponseWriter, r *http.Request, form url.Values) {
	var v violations
	f := fault{}
	if n := slices.IndexFunc(faultChoices(), func(c faultChoice) bool { return c.Value == form.Get("effect") }); n >= 0 {
		f = faultChoices()[n].fault
	}
	if times := strings.TrimSpace(form.Get("times")); times != "" {
		var err error
		if f.Times, err = strconv.Atoi(times); err != nil || f.Times < 1 {
			v.addViolation("times", "must be a whole number that is greater than 0, or empty", "int.range")
		}
	}
	_, err := env.setFault(bearertest.Endpoint(form.Get("endpoint")), f, &v)
	env.finishAction(w, r, "faults", err)
}

func (env *Environment) actRemoveFault(w http.ResponseWriter, r *http.Request, form url.Values) {
	env.finishAction(w, r, "faults", env.removeFault(bearertest.Endpoint(form.Get("endpoint")), &violations{}))
}

// finishAction redirects the browser to a section of the page, so that a reload does not repeat the
// action. If the action failed, the page shows the error.
func (env *Environment) finishAction(w http.ResponseWriter, r *http.Request, section string, err error) {
	if err == nil {
		http.Redirect(w, r, "/#"+section, http.StatusSeeOther)
		return
	}
	failure := reportedError(err)
	env.writePage(w, r, failure.code.status(), func(view *pageView) {
		view.Problem = problemView{section, failure.message}
	})
}

// faultChoice is a fault that the page offers.
type faultChoice struct {
	Value, Group, Label string
	fault               fault
}

// faultChoices returns the faults that the page offers. The endpoints below /dev/ offer more faults.
func faultChoices() []faultChoice {
	const (
		statuses    = "Status"
		connections = "Connection"
		documents   = "Document"
		errorCodes  = "Error code of the token endpoint"
	)
	return []faultChoice{
		{"status 503", statuses, "503 Service Unavailable", fault{Status: http.StatusServiceUnavailable}},
		{"status 500", statuses, "500 Internal Server Error", fault{Status: http.StatusInternalServerError}},
		{"status 429", statuses, "429 Too Many Requests", fault{Status: http.StatusTooManyRequests}},
		{"status 404", statuses, "404 Not Found", fault{Status: http.StatusNotFound}},
		{"delay 2s", connections, "response after 2 s", fault{Delay: "2s"}},
		{"delay 15s", connections, "response after 15 s", fault{Delay: "15s"}},
		{"hang", connections, "no response", fault{Hang: true}},
		{"abort", connections, "connection closed", fault{Abort: true}},
		{"html", documents, "HTML page of a proxy, status 502", fault{Document: "html", Status: http.StatusBadGateway}},
		{"not_json", documents, "text that is not JSON", fault{Document: "not_json"}},
		{"empty_object", documents, "empty JSON object", fault{Document: "empty_object"}},
		{"empty_body", documents, "empty body", fault{Document: "empty_body"}},
		{"oversized", documents, "document of 2 MiB", fault{Document: "oversized"}},
		{"truncated", documents, "first half (keys, discovery)", fault{Document: "truncated"}},
		{"empty_set", documents, "key set without keys (keys)", fault{Document: "empty_set"}},
		{"wrong_keys", documents, "different keys with the same IDs (keys)", fault{Document: "wrong_keys"}},
		{"wrong_issuer", documents, "different issuer (discovery)", fault{Document: "wrong_issuer"}},
		{"invalid_client", errorCodes, "invalid_client (token)", fault{Error: "invalid_client"}},
	}
}

// faultGroups returns the choices in groups.
func faultGroups() [][]faultChoice {
	var out [][]faultChoice
	for _, c := range faultChoices() {
		if n := len(out); n > 0 && out[n-1][0].Group == c.Group {
			out[n-1] = append(out[n-1], c)
		} else {
			out = append(out, []faultChoice{c})
		}
	}
	return out
}
