package proof_test

import (
	"testing"

	"github.com/bearerkit/bearer/internal/proof"
)

func TestTarget(t *testing.T) {
	for uri, want := range map[string]string{
		"https://api.example":                       "https://api.example/",
		"https://api.example/":                      "https://api.example/",
		"HTTPS://API.Example:443/a":                 "https://api.example/a",
		"https://api.example:/a":                    "https://api.example/a",
		"http://api.example:80/a?b#c":               "http://api.example/a",
		"https://api.example:80/a":                  "https://api.example:80/a",
		"https://api.example:8443/a#c?b":            "https://api.example:8443/a",
		"https://api.example?b=/c":                  "https://api.example/",
		"https://api.example/%7euser/%2f/%c3%a9":    "https://api.example/~user/%2F/%C3%A9",
		"https://api.example/a/./b/../c":            "https://api.example/a/c",
		"https://api.example/a/%2e%2E/c":            "https://api.example/c",
		"https://api.example/../../a":               "https://api.example/a",
		"https://api.example/a/..":                  "https://api.example/",
		"https://api.example/a/.":                   "https://api.example/a/",
		"https://api.example/a//b/":                 "https://api.example/a//b/",
		"https://api.example/A/.well-known/...":     "https://api.example/A/.well-known/...",
		"https://[2001:DB8::1]:443/a":               "https://[2001:db8::1]/a",
		"https://[2001:db8::1]:8443":                "https://[2001:db8::1]:8443/",
		"https://xn--bcher-kva.example/a|b":         "https://xn--bcher-kva.example/a|b",
		"https://api.example/a;v=1,b:@!$&'()*+=x/~": "https://api.example/a;v=1,b:@!$&'()*+=x/~",
	} {
		if got, err := proof.Target(uri, false); err != nil || got != want {
			t.Errorf("Target(%q): got %q and error %v, want %q", uri, got, err, want)
		}
		// The canonical form of a canonical form is the same form.
		if got, err := proof.Target(want, false); err != nil || got != want {
			t.Errorf("Target(%q): got %q and error %v, want the same", want, got, err)
		}
	}
}

func TestTargetErrors(t *testing.T) {
	for _, uri := range []string{
		"", "/a", "//api.example/a", "api.example/a", "ftp://api.example/a", "https:/api.example/a",
		"https:///a", "https://:443/a", "https://user@api.example/a", "https://u:p@api.example/a",
		"https://api.example:44x/a", "https://api.example:1:2/a", "https://[::1/a", "https://::1/a", "https://[::1]x/a",
		"https://[fe80::1%25eth0]/a", "https://api%2eexample/a", "https://bücher.example/a",
		"https://api.example/a b", "https://api.example/a\tb", "https://api.example/a\x00", `https://api.example\a`, `https://api.example/a\b`,
		"https://api.example/é", "https://api.example/%", "https://api.example/%2", "https://api.example/%zz", "https://api.example/%2g",
		"wss://api.example/a", "javascript://api.example/a", " https://api.example/a", "https://api.example/a ",
	} {
		if got, err := proof.Target(uri, false); err == nil {
			t.Errorf("Target(%q): got %q, want an error", uri, got)
		}
	}
}

func TestTargetOfUpgrade(t *testing.T) {
	for uri, want := range map[string]string{
		"wss://api.example:443/chat": "https://api.example/chat",
		"ws://api.example:80/chat":   "http://api.example/chat",
		"https://api.example/chat":   "https://api.example/chat",
	} {
		if got, err := proof.Target(uri, true); err != nil || got != want {
			t.Errorf("Target(%q): got %q and error %v, want %q", uri, got, err, want)
		}
	}
}
