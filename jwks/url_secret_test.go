package jwks_test

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/jwks"
)

// urlErrors returns the texts about a URL: the errors of everything that takes a URL, also the error
// of a fetch if the URL is valid, and the printed options.
func urlErrors(t *testing.T, token, raw string) []string {
	t.Helper()
	down := func(*http.Request) (*http.Response, error) { return nil, errors.New("down") }
	texts := []string{fmt.Sprintf("%+v", &jwks.Options{Issuer: raw, KeysURL: raw, MetadataURL: raw, MetadataIssuer: raw, AuthorizationOrigins: []string{raw}})}
	for _, row := range []struct {
		construct func(string, *jwks.Options) (*jwks.Cache, error)
		url       string
		o         jwks.Options
	}{
		{jwks.New, raw, jwks.Options{Transport: roundTripper(down)}},
		{jwks.Discover, raw, jwks.Options{Transport: roundTripper(down)}},
		{jwks.Discover, "https://issuer.test", jwks.Options{Transport: roundTripper(down), KeysURL: raw}},
		{jwks.Discover, "https://issuer.test", jwks.Options{Transport: roundTripper(down), MetadataURL: raw}},
		{jwks.Discover, "https://issuer.test", jwks.Options{Issuer: raw}},
		{jwks.New, "https://issuer.test", jwks.Options{AuthorizationFile: token, AuthorizationOrigins: []string{raw}, Timeout: -1}},
	} {
		row.o.Logger = slog.New(slog.DiscardHandler)
		c, err := row.construct(row.url, &row.o)
		if err == nil {
			err = c.Refresh(t.Context())
			_ = c.Close()
		}
		texts = append(texts, fmt.Sprint(err))
	}
	return texts
}

// No text contains a password of a URL, also if the URL cannot be parsed.
func TestURLWithPassword(t *testing.T) {
	token := newFile(t, "some-token")
	for _, raw := range []string{
		"https://user:secret@host/keys", "HTTPS://user:secret@host", "https://user:a/secret@host/jwks", "user:secret@host", "https:user:secret@host",
		"//user:secret@host/x", `https:\\user:secret@host`, "https://user:a?secret@host", "https://user:1/secret@host", "https://user:1?secret@host",
		"https://user:/secret@host", "https://u.ser:/secret@host", "https://user:?secret@host", "https://user:#secret@host", "file://user:secret@host/x",
		"https://user:%zzsecret@host/", "https:///user:secret@host", "https:/user:secret@host", "https://https://user:secret@host", "secret://x@host",
		"https://secret@host", "https://a/secret@host", " https://user:secret@host", "https://us er:secret@host", "https://user:a@secret@host", "https://user:secret\x00@host",
	} {
		for n, text := range urlErrors(t, token, raw) {
			if strings.Contains(text, "secret") {
				t.Errorf("text %d for %q contains the password: %s", n, raw, text)
			}
		}
	}
	for _, raw := range randomURLs(3000) {
		for n, text := range urlErrors(t, token, raw) {
			if strings.Contains(text, "secret") {
				t.Fatalf("text %d for %q contains the password: %s", n, raw, text)
			}
		}
	}
}

// randomURLs returns URLs with a password that contains "secret".
func randomURLs(n int) (urls []string) {
	r := rand.New(rand.NewPCG(19, 3)) //nolint:gosec // test data
	odd := []string{"", "", "", "/", "?", "#", "@", ":", "%", "%40", "%zz", "\\", "[", "]", "=", "&", ";", " ", "\n", "\x00", "\xff", "ä", "1", "443", "x", ".", "//", "://"}
	pick := func(from ...string) string { return from[r.IntN(len(from))] }
	for range n {
		password := ""
		for range r.IntN(4) {
			password += pick(odd...)
		}
		password += "secret"
		for range r.IntN(4) {
			password += pick(odd...)
		}
		urls = append(urls, pick("https", "http", "HTTPS", "", "ftp", "file", "h ttps")+pick("://", "://", "://", ":", ":/", "//", ":///", `:\\`, "")+
			pick("user", "u.ser", "", "u ser")+":"+password+"@"+pick("host", "issuer.test", "127.0.0.1:80", "[::1]", "")+pick("", "/keys", "/keys?a=b", "?x", "#f"))
	}
	return urls
}

// The text for a URL stays helpful if the URL has an @ after its host and contains no password.
func TestURLWithAtInPath(t *testing.T) {
	for raw, want := range map[string]string{
		"http://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com": "http://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com",
		"http://issuer.test/keys?login=a@b.test":                                                   "http://issuer.test/keys?login=xxxxx",
		"http://me:secret@issuer.test/keys?a=1":                                                    "http://xxxxx@issuer.test/keys?a=xxxxx",
		"http://issuer.test:no/keys":                                                               `http://issuer.test:no/keys": not a URL: invalid port`,
		"HTTPS://me:se/cret@issuer.test:8443/keys?a=1":                                             `HTTPS://xxxxx@issuer.test:8443/keys?a=xxxxx": not a URL, and it contains an @`,
	} {
		_, err := jwks.New(raw, nil)
		wantText(t, err, want)
	}
}
