package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestPageFlag mints a token on the web page, as a browser does. A proxy forwards the second request,
// so it counts as a request of another machine.
func TestPageFlag(t *testing.T) {
	for _, args := range [][]string{nil, {"-insecure-page-anywhere"}} {
		p := startProgram(t, args...)
		exposed := args != nil
		if got := strings.Contains(p.banner, "WARNING: every machine that can reach the web page can mint tokens"); got != exposed {
			t.Errorf("%v: got a banner with warning=%v, want a banner with warning=%v", args, got, exposed)
		}
		for _, row := range []struct {
			forwarded string
			status    int
		}{
			{"", http.StatusOK},
			{"192.0.2.1", map[bool]int{false: http.StatusForbidden, true: http.StatusOK}[exposed]},
		} {
			form := url.Values{"scopes": {"read:deployments"}}
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.bannerField(t, "environment URL")+"/page/mint", strings.NewReader(form.Encode()))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			request.Header.Set("Sec-Fetch-Site", "same-origin")
			if row.forwarded != "" {
				request.Header.Set("X-Forwarded-For", row.forwarded)
			}
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != row.status {
				t.Errorf("%v, X-Forwarded-For %q: got status %d, want status %d", args, row.forwarded, response.StatusCode, row.status)
			}
		}
	}
}
