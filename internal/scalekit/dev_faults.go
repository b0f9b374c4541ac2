package scalekit

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/bearerkit/bearer/bearertest"
)

// apiEndpoint is the admin API. It stands for REST and gRPC together.
const apiEndpoint bearertest.Endpoint = "api"

const (
	maxFaultDelay  = time.Minute
	maxFaultTimes  = 1_000_000
	oversizedBytes = 2 << 20
)

// fault is an injected fault of an endpoint. The JSON encoding of a fault is the body of a
// PUT request to /dev/faults/{endpoint}.
type fault struct {
	Status   int    `json:"status,omitzero"`
	Delay    string `json:"delay,omitzero"`
	Hang     bool   `json:"hang,omitzero"`
	Abort    bool   `json:"abort,omitzero"`
	Document string `json:"document,omitzero"`
	Body     string `json:"body,omitzero"`
	Type     string `json:"content_type,omitzero"`
	Error    string `json:"error,omitzero"`
	Times    int    `json:"times,omitzero"`

	delay time.Duration
}

// shownFault is a fault and the endpoint of the fault. The API returns faults in this form.
type shownFault struct {
	Endpoint  bearertest.Endpoint `json:"endpoint"`
	Fault     fault               `json:"fault"`
	Remaining int                 `json:"remaining,omitzero"` // number of requests until the fault ends; 0 if Fault.Times is 0

	fetchesBefore int // number of requests to the endpoint before the fault was set
}

type faultList struct {
	Faults []shownFault `json:"faults"`
}

// The type faults stores the current fault of each endpoint. The zero value is ready to
// use.
type faults struct {
	mu  sync.Mutex // guards the map "set"
	set map[bearertest.Endpoint]shownFault
}

func faultEndpoints() []bearertest.Endpoint {
	return []bearertest.Endpoint{bearertest.KeysEndpoint, bearertest.DiscoveryEndpoint, bearertest.TokenEndpoint, apiEndpoint}
}

// badDocuments returns the bad bodies of an endpoint. The keys of the map are the names of
// the documents.
func (env *Environment) badDocuments(e bearertest.Endpoint) map[string][]byte {
	genuine := env.issuer.Metadata()
	if e == bearertest.KeysEndpoint {
		genuine = env.issuer.JWKS()
	}
	out := map[string][]byte{
		"html":         []byte("<!doctype html><title>502 Bad Gateway</title><h1>Bad Gateway</h1>\n"),
		"not_json":     []byte("upstream connect error"),
		"null":         []byte("null"),
		"empty_object": []byte("{}"),
		"empty_body":   {},
		"oversized":    append(bytes.Repeat([]byte(" "), oversizedBytes), genuine...),
	}
	switch e {
	case bearertest.KeysEndpoint:
		out["truncated"] = genuine[:len(genuine)/2]
		out["empty_set"] = []byte(`{"keys":[]}`)
		out["wrong_keys"] = nil // devSetFault calls wrongKeys only if a request selects this document, because generating RSA keys is slow
	case bearertest.DiscoveryEndpoint:
		out["truncated"] = genuine[:len(genuine)/2]
		out["wrong_issuer"] = bytes.ReplaceAll(genuine, []byte(`"issuer":"`), []byte(`"issuer":"https://attacker.example#`))
	default: // the other endpoints have no genuine document that can be truncated
	}
	return out
}

// wrongKeys returns a key set in which each published key is replaced by a new key with
// the same ID.
func (env *Environment) wrongKeys() []byte {
	var keys []string
	for _, k := range env.issuer.Keys() {
		keys = append(keys, string(bearertest.NewKey(keyAlgorithm, k.ID()).JWK()))
	}
	return []byte(`{"keys":[` + strings.Join(keys, ",") + `]}`)
}

func (env *Environment) devListFaults(*http.Request, *violations) (any, error) {
	return faultList{env.currentFaults()}, nil
}

// currentFaults returns the faults that have not ended.
func (env *Environment) currentFaults() []shownFault {
	env.faults.mu.Lock()
	defer env.faults.mu.Unlock()
	var out []shownFault
	for _, e := range faultEndpoints() {
		shown, ok := env.faults.set[e]
		if !ok {
			continue
		}
		if shown.Fault.Times > 0 {
			if shown.Remaining = shown.Fault.Times - (env.issuer.Fetches(e) - shown.fetchesBefore); shown.Remaining <= 0 {
				continue
			}
		}
		out = append(out, shown)
	}
	return out
}

func (env *Environment) devSetFault(r *http.Request, v *violations) (any, error) {
	endpoint := bearertest.Endpoint(r.PathValue("endpoint"))
	checkFaultEndpoint(endpoint, v)
	var f fault
	if err := readBody(r, v, "", faultFields(jsonReader{v}, &f)); err != nil {
		return nil, err
	}
	return env.setFault(endpoint, f, v)
}

// setFault sets the fault of an endpoint. It replaces an earlier fault of the endpoint.
func (env *Environment) setFault(endpoint bearertest.Endpoint, f fault, v *violations) (any, error) {
	checkFaultEndpoint(endpoint, v)
	documents := env.badDocuments(endpoint)
	f.check(v, endpoint, documents)
	if err := v.err(); err != nil {
		return nil, err
	}
	document := documents[f.Document]
	if f.Document == "wrong_keys" {
		document = env.wrongKeys()
	}
	env.faults.mu.Lock()
	defer env.faults.mu.Unlock()
	if env.faults.set == nil {
		env.faults.set = make(map[bearertest.Endpoint]shownFault)
	}
	shown := shownFault{Endpoint: endpoint, Fault: f, Remaining: f.Times, fetchesBefore: env.issuer.Fetches(endpoint)}
	env.issuer.Inject(endpoint, f.forIssuer(endpoint, document))
	env.faults.set[endpoint] = shown
	return shown, nil
}

func (env *Environment) devRepair(r *http.Request, v *violations) (any, error) {
	return emptyBody{}, env.removeFault(bearertest.Endpoint(r.PathValue("endpoint")), v)
}

// removeFault removes the fault of an endpoint. If the endpoint has no fault, removeFault changes
// nothing.
func (env *Environment) removeFault(endpoint bearertest.Endpoint, v *violations) error {
	checkFaultEndpoint(endpoint, v)
	if err := v.err(); err != nil {
		return err
	}
	env.faults.mu.Lock()
	defer env.faults.mu.Unlock()
	env.issuer.Repair(endpoint)
	delete(env.faults.set, endpoint)
	return nil
}

func checkFaultEndpoint(e bearertest.Endpoint, v *violations) {
	if !slices.Contains(faultEndpoints(), e) {
		v.addViolation("endpoint", fmt.Sprint("must be one of ", faultEndpoints()), "enum.defined_only")
	}
}

func faultFields(r jsonReader, f *fault) fields {
	return fields{
		"status":       func(field string, value jsontext.Value) { f.Status = r.readNumber(field, value) },
		"delay":        func(field string, value jsontext.Value) { f.Delay = r.text(field, value) },
		"hang":         func(field string, value jsontext.Value) { f.Hang = r.boolean(field, value) },
		"abort":        func(field string, value jsontext.Value) { f.Abort = r.boolean(field, value) },
		"document":     func(field string, value jsontext.Value) { f.Document = r.text(field, value) },
		"body":         func(field string, value jsontext.Value) { f.Body = r.text(field, value) },
		"content_type": func(field string, value jsontext.Value) { f.Type = r.text(field, value) },
		"error":        func(field string, value jsontext.Value) { f.Error = r.text(field, value) },
		"times":        func(field string, value jsontext.Value) { f.Times = r.readNumber(field, value) },
	}
}

func (f *fault) check(v *violations, e bearertest.Endpoint, documents map[string][]byte) {
	if f.Status != 0 && (f.Status < 200 || f.Status > 599) {
		v.addViolation("status", "must be an HTTP status of 200 to 599", "int.range")
	}
	if f.Times < 0 || f.Times > maxFaultTimes {
		v.addViolation("times", fmt.Sprintf("must be a number from 0 to %d; with 0, the fault does not end until it is removed", maxFaultTimes), "int.range")
	}
	if f.Delay != "" {
		var err error
		if f.delay, err = time.ParseDuration(f.Delay); err != nil || f.delay < 0 || f.delay > maxFaultDelay {
			v.addViolation("delay", "must be a duration of at most 1m, such as 250ms or 5s", "duration")
		}
	}
	if _, ok := documents[f.Document]; !ok && f.Document != "" {
		v.addViolation("document", "must be one of "+strings.Join(slices.Sorted(maps.Keys(documents)), ", "), "enum.defined_only")
	}
	if f.Error != "" && e != bearertest.TokenEndpoint {
		v.addViolation("error", "is allowed only for the endpoint token", "endpoint")
	}
	if f.Error != "" && !isErrorCode(f.Error) {
		v.addViolation("error", "must be an error code such as invalid_client", "string.pattern")
	}
	if len(f.Type) > maxNameLength || strings.ContainsAny(f.Type, "\r\n\x00") {
		v.addViolation("content_type", "must be a media type", "string.pattern")
	}
	answers := 0
	for _, set := range []bool{f.Document != "", f.Body != "", f.Error != ""} {
		if set {
			answers++
		}
	}
	if answers > 1 {
		v.addViolation("document", "is one of three members that exclude each other; set only one of document, body and error", "oneof")
	}
	if f.Status == 0 && f.delay == 0 && !f.Hang && !f.Abort && answers == 0 && len(v.found) == 0 {
		v.addViolation("status", "is missing; set one or more of status, delay, hang, abort, document, body and error", "required")
	}
}

// isErrorCode reports whether text has at most maxNameLength bytes and contains only the
// characters that RFC 6749, section 5.2, allows in an error code.
func isErrorCode(text string) bool {
	return len(text) <= maxNameLength && strings.IndexFunc(text, func(c rune) bool {
		return c < 0x20 || c > 0x7e || c == '"' || c == '\\'
	}) < 0
}

// forIssuer converts the fault to a bearertest.Fault.
func (f *fault) forIssuer(e bearertest.Endpoint, document []byte) bearertest.Fault {
	out := bearertest.Fault{Delay: f.delay, Hang: f.Hang, Abort: f.Abort, Status: f.Status, Times: f.Times, Header: http.Header{}}
	switch {
	case f.Document != "":
		out.Body = append([]byte{}, document...) // not nil, because nil selects the genuine body
	case f.Body != "":
		out.Body = []byte(f.Body)
	case f.Error != "":
		out.Body = []byte(`{"error":"` + f.Error + `"}`)
		out.Header.Set("Cache-Control", "no-store")
		if out.Status == 0 {
			out.Status = http.StatusBadRequest
		}
	case e == apiEndpoint && f.Status >= http.StatusBadRequest:
		out.Body = apiFailure(f.Status)
	}
	if f.Document == "html" {
		out.Header.Set("Content-Type", "text/html; charset=utf-8")
	}
	if f.Type != "" {
		out.Header.Set("Content-Type", f.Type)
	}
	return out
}

// apiFailure returns the body of an admin API response with this error status.
func apiFailure(status int) []byte {
	failure := codeInternal
	for _, c := range []code{
		codeInvalidArgument, codeUnauthenticated, codePermissionDenied, codeNotFound, codeAlreadyExists,
		codeResourceExhausted, codeUnimplemented, codeUnavailable, codeDeadlineExceeded,
	} {
		if c.status() == status {
			failure = c
		}
	}
	body, err := json.Marshal((&apiError{code: failure, message: "injected fault"}).body())
	if err != nil { // impossible, because the encoder accepts these types and texts
		return []byte("{}")
	}
	return body
}
