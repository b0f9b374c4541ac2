package scalekit_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/internal/scalekit"
)

func TestKeysOnPage(t *testing.T) {
	env, _ := startWith(t, scalekit.Config{})
	issuer := env.Issuer()
	first := issuer.SigningKey("").ID()
	ids := func() (out []string) {
		for _, k := range issuer.Keys() {
			out = append(out, k.ID())
		}
		return out
	}
	succeed := func(action, kid string) {
		t.Helper()
		response, _ := env.act(t, "keys/"+action, url.Values{"kid": {kid}})
		if got := response.Header.Get("Location"); response.StatusCode != http.StatusSeeOther || got != "/#keys" {
			t.Errorf("%s: got status %d and Location %q, want status 303 and Location /#keys", action, response.StatusCode, got)
		}
	}
	succeed("add", "")
	if len(ids()) != 2 || issuer.SigningKey("").ID() != first {
		t.Fatalf("after add: got keys %v and signing key %s, want 2 keys and signing key %s", ids(), issuer.SigningKey("").ID(), first)
	}
	second := ids()[1]
	succeed("promote", second)
	if got := issuer.SigningKey("").ID(); got != second {
		t.Errorf("after promote: got signing key %s, want %s", got, second)
	}
	succeed("retire", first)
	succeed("rotate", "")
	third := issuer.SigningKey("").ID()
	if got := fmt.Sprint(ids()); got != fmt.Sprint([]string{second, third}) || third == second {
		t.Errorf("after retire and rotate: got keys %s and signing key %s, want a new signing key and the previous key", got, third)
	}
	for _, row := range []struct {
		action, kid string
		status      int
		want        string
	}{
		{"retire", third, http.StatusBadRequest, "the signing key cannot be retired"},
		{"retire", first, http.StatusNotFound, "key not found"},
		{"promote", "<img src=x>", http.StatusNotFound, "key not found"},
		{"promote", "", http.StatusNotFound, "key not found"},
	} {
		response, body := env.act(t, "keys/"+row.action, url.Values{"kid": {row.kid}})
		if response.StatusCode != row.status || !strings.Contains(problemsOf(body), row.want) {
			t.Errorf("%s %s: got status %d and problem %q, want status %d and %q", row.action, row.kid, response.StatusCode, problemsOf(body), row.status, row.want)
		}
	}
}

// TestPageReportsFailedSaves checks that an action reports that the state file cannot be written.
func TestPageReportsFailedSaves(t *testing.T) {
	env, _ := startWith(t, scalekit.Config{State: t.TempDir() + "/state.json"})
	repair := env.FailSaves()
	response, body := env.act(t, "keys/rotate", url.Values{})
	repair()
	if response.StatusCode != http.StatusInternalServerError || !strings.Contains(problemsOf(body), "internal error") || len(env.Issuer().Keys()) != 1 {
		t.Errorf("got status %d, problem %q and %d keys, want status 500, a problem and 1 key", response.StatusCode, problemsOf(body), len(env.Issuer().Keys()))
	}
}

// TestFaultsOnPage sets every fault that the page offers, for every endpoint.
func TestFaultsOnPage(t *testing.T) {
	env, _ := startWith(t, scalekit.Config{})
	_, _, page := env.getPath(t, "/")
	_, form, _ := strings.Cut(page, `action="/page/faults/set"`)
	form, _, _ = strings.Cut(form, "</form>")
	var endpoints, effects []string
	for _, match := range regexp.MustCompile(`<option value="([^"]*)">`).FindAllStringSubmatch(form, -1) {
		if len(endpoints) < 4 {
			endpoints = append(endpoints, match[1])
		} else {
			effects = append(effects, match[1])
		}
	}
	if fmt.Sprint(endpoints) != "[keys discovery token api]" || len(effects) < 15 {
		t.Fatalf("got endpoints %v and faults %v, want 4 endpoints and at least 15 faults", endpoints, effects)
	}
	only := map[string]string{"truncated": "keys discovery", "empty_set": "keys", "wrong_keys": "keys", "wrong_issuer": "discovery", "invalid_client": "token"}
	for _, endpoint := range endpoints {
		for _, effect := range effects {
			response, body := env.act(t, "faults/set", url.Values{"endpoint": {endpoint}, "effect": {effect}})
			_, restricted := only[effect]
			if want := !restricted || strings.Contains(only[effect], endpoint); want != (response.StatusCode == http.StatusSeeOther) {
				t.Errorf("%s, %s: got status %d with problem %q, want success %v", endpoint, effect, response.StatusCode, problemsOf(body), want)
			}
		}
		response, _ := env.act(t, "faults/remove", url.Values{"endpoint": {endpoint}})
		if response.StatusCode != http.StatusSeeOther || response.Header.Get("Location") != "/#faults" {
			t.Errorf("remove %s: got status %d, want status 303", endpoint, response.StatusCode)
		}
	}
	if _, _, page := env.getPath(t, "/"); strings.Contains(page, "Injected fault") {
		t.Error("after remove: got a page with a fault, want a page without faults")
	}
	env.act(t, "faults/set", url.Values{"endpoint": {"keys"}, "effect": {"status 503"}, "times": {" 2 "}})
	for n, want := range []int{http.StatusServiceUnavailable, http.StatusServiceUnavailable, http.StatusOK} {
		if got := env.statusOf(t, http.MethodGet, "/keys"); got != want {
			t.Errorf("request %d: got status %d, want status %d", n+1, got, want)
		}
	}
	for _, row := range []url.Values{
		{"endpoint": {"other"}, "effect": {"hang"}},
		{"endpoint": {""}, "effect": {"hang"}},
		{"endpoint": {"keys"}, "effect": {"other"}},
		{"endpoint": {"keys"}},
		{"endpoint": {"keys"}, "effect": {"hang"}, "times": {"0"}},
		{"endpoint": {"keys"}, "effect": {"hang"}, "times": {"-1"}},
		{"endpoint": {"keys"}, "effect": {"hang"}, "times": {"1.5"}},
		{"endpoint": {"keys"}, "effect": {"hang"}, "times": {"99999999999999999999"}},
		{"endpoint": {"keys"}, "effect": {"hang"}, "times": {"1000001"}},
	} {
		if response, body := env.act(t, "faults/set", row); response.StatusCode != http.StatusBadRequest || !strings.Contains(problemsOf(body), "validation failed") {
			t.Errorf("%v: got status %d and problem %q, want status 400 and a problem", row, response.StatusCode, problemsOf(body))
		}
	}
	if got := env.statusOf(t, http.MethodGet, "/keys"); got != http.StatusOK {
		t.Errorf("after refused faults: got status %d, want status 200", got)
	}
}

// TestEmptyOrganizationIsNotFirst checks the order of the organizations. The program creates an
// organization without clients, and a new user looks for a client.
func TestEmptyOrganizationIsNotFirst(t *testing.T) {
	env, _ := startWith(t, scalekit.Config{})
	env.registerClient(t, "{}")
	env.callAdmin(t, http.MethodPost, organizationsPath, `{"display_name":"Empty and newer"}`)
	_, _, page := env.getPath(t, "/")
	filled, empty := strings.Index(page, "<h3>Example Organization"), strings.Index(page, "<h3>Empty and newer")
	if filled < 0 || empty < filled {
		t.Errorf("got the organization with a client at %d and the empty organization at %d, want the empty organization second", filled, empty)
	}
}
