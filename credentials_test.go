package bearer_test

import (
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/testkit"
	"github.com/bearerkit/bearer/scopes"
)

const secret = "S3cr3tXyZ" // a part of every value of credentialForms

// credentialForms has Authorization values with a frequent mistake, and the text of the log.
func credentialForms() map[string]string {
	jwt, jwe := "eyJ"+secret+".eyJ"+secret+"."+secret, "eyJ"+secret+".a.b.c."+secret
	return map[string]string{
		jwt:                                      "a token but no scheme; want Bearer",
		"abc." + secret + ".def":                 "a token but no scheme",
		jwe:                                      "encrypted token (JWE)",
		secret + "opaque":                        "one word: an opaque token",
		"Bearer:" + jwt:                          "a colon follows the scheme",
		"Bearer: " + jwt:                         "a colon follows the scheme",
		"Bearer=" + jwt:                          "an equals sign follows the scheme",
		"Bearer\t" + jwt:                         "a tab follows the scheme",
		"Bearer, " + jwt:                         "a comma",
		"bearer" + jwt:                           "no space between Bearer and the token",
		"Bearer%20" + jwt:                        "encoded like a URL",
		"bearer+" + jwt:                          "encoded like a URL",
		"JWT " + jwt:                             "a name such as JWT, Token or OAuth",
		"jwt  " + jwt:                            "a name such as JWT, Token or OAuth",
		"Token " + jwt:                           "a name such as JWT, Token or OAuth",
		"OAuth " + secret:                        "a name such as JWT, Token or OAuth",
		"access_token=" + jwt:                    "a parameter such as access_token=",
		"Token: " + jwt:                          "a parameter such as access_token=",
		"token=" + secret:                        "a parameter such as access_token=",
		`"Bearer ` + jwt + `"`:                   "begins with a quote or a bracket",
		`'` + jwt + `'`:                          "begins with a quote or a bracket",
		"<" + jwt + ">":                          "begins with a quote or a bracket",
		"Authorization: Bearer " + jwt:           "repeats the name of the field",
		`{"access_token":"` + jwt + `"}`:         "is JSON",
		"Basic " + secret:                        "Basic, with a user name and a password",
		"dpop " + jwt:                            "DPoP",
		"ApiKey " + secret:                       "an API key",
		"Digest a=" + secret:                     "a scheme of HTTP",
		"Custom " + jwt:                          "a scheme other than Bearer, and then a JWT",
		"BearerX " + jwt:                         "a scheme other than Bearer, and then a JWT",
		"Custom " + secret:                       "has a scheme other than Bearer",
		" Bearer " + jwt:                         "begins with white space",
		"Bearer Bearer " + jwt:                   "the scheme Bearer is there twice",
		`Bearer "` + jwt + `"`:                   "the token begins with a quote",
		"Bearer <" + secret + ">":                "the token begins with a quote or a bracket",
		`Bearer {"a":"` + secret + `"}`:          "the token is JSON",
		"Bearer {{" + secret + "}}":              "a placeholder",
		"Bearer ${" + secret + "}":               "a placeholder",
		"Bearer access_token=" + jwt:             "the token begins with a parameter",
		"Bearer " + jwt + " ":                    "white space follows the token",
		"Bearer " + jwt + " x":                   "the token contains white space",
		"Bearer " + secret + "%3D":               "the token is encoded like a URL",
		"Bearer " + secret + "é":                 "not ASCII",
		"Bearer " + secret + ",x":                "a comma",
		"Basic " + secret + ", Bearer " + secret: "more than one Authorization value",
	}
}

// TestCredentialForms sends Authorization values with a mistake through a router to a route that
// requires a token. One record of Config.Logger says what the value looks like. No part of the
// value is in the record, in the response or in the explanation.
func TestCredentialForms(t *testing.T) { synctest.Test(t, testCredentialForms) }

func testCredentialForms(t *testing.T) {
	time.Sleep(7 * 365 * 24 * time.Hour) // no other test writes records in these minutes
	issuer := newIssuer(t, "EdDSA")
	var log testkit.Buffer
	cfg := testkit.Config(t, issuer)
	cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
	for name, v := range oneAndSeveral(t, cfg) {
		if several, ok := v.(*bearer.Issuers); ok {
			several.Logger = cfg.Logger
		}
		mux := guarded(v, scopes.All("read"))
		for value, want := range credentialForms() {
			time.Sleep(time.Minute) // the limit of Config.Logger applies to a minute
			before := len(log.String())
			req, resp := httptest.NewRequest(http.MethodGet, "/things", nil), httptest.NewRecorder()
			req.Header["Authorization"] = []string{value}
			mux.ServeHTTP(resp, req)
			record := log.String()[before:]
			if resp.Code != http.StatusUnauthorized && resp.Code != http.StatusBadRequest {
				t.Errorf("%s, %q: got status %d, want 401 or 400", name, value, resp.Code)
			}
			if strings.Count(record, "bearer: request refused") != 1 || !strings.Contains(record, want) {
				t.Errorf("%s, %q: got record %q, want the text %q", name, value, record, want)
			}
			explained := bearer.Explain(t.Context(), v, bearer.Request{Authorization: []string{value}, Rule: scopes.All()})
			if !strings.Contains(explained.String(), want) {
				t.Errorf("%s, %q: got explanation %q, want the text %q", name, value, explained, want)
			}
			if all := record + resp.Body.String() + resp.Header().Get("WWW-Authenticate") + explained.String(); strings.Contains(all, secret) {
				t.Errorf("%s, %q: the texts quote the value: %q", name, value, all)
			}
		}
	}
}

// TestCredentialFormsLimit sends 500 requests with a JWT and no scheme. They are anonymous
// traffic, so the limit of Config.Logger applies, and a forged flood fills no disk.
func TestCredentialFormsLimit(t *testing.T) { synctest.Test(t, testCredentialFormsLimit) }

func testCredentialFormsLimit(t *testing.T) {
	issuer := newIssuer(t, "EdDSA")
	var log testkit.Buffer
	v := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	time.Sleep(8 * 365 * 24 * time.Hour) // no other test writes records in this minute
	for range 500 {
		if _, err := bearer.Decide(t.Context(), v, bearer.Request{Authorization: []string{"eyJ.eyJ.x"}, Rule: scopes.All()}); reasonOf(t, err) != bearer.NoToken {
			t.Fatalf("got error %v, want reason %q", err, bearer.NoToken)
		}
	}
	if got := strings.Count(log.String(), "bearer: request refused"); got != 80 {
		t.Errorf("got %d records, want 80 a minute", got)
	}
}

// TestCredentialReasons compares the reasons of generated Authorization values with the reasons
// of a simple model. The forms change only the detail. An optional rule allows exactly the
// requests with the reason no_token.
func TestCredentialReasons(t *testing.T) {
	issuer := newIssuer(t, "EdDSA")
	v := newVerifier(t, issuer, nil)
	rnd := rand.New(rand.NewPCG(20, 15)) //nolint:gosec // the values must be the same in each run
	parts := []string{"Bearer", "bearer", "Bearer ", "Bearer eyJ", "Bearer a", "bearer  a.b", "Bearer:", "Bearer=", " ", "\t", ",", ", ", ".", "..", "....", "eyJ", "a", "=", "%20", `"`, "{", "JWT ", "Basic ", "access_token=", "é", "\x01", "Authorization: ", "X"}
	seen := make(map[bearer.Reason]int)
	for range 20_000 {
		var text strings.Builder
		for range 1 + rnd.IntN(5) {
			text.WriteString(parts[rnd.IntN(len(parts))])
		}
		value := text.String()
		req := bearer.Request{Authorization: []string{value}, Rule: scopes.All()}
		_, err := bearer.Decide(t.Context(), v, req)
		got, want := reasonOf(t, err), modelReason(value)
		if seen[want]++; got != want {
			t.Fatalf("%q: got reason %q, want %q; error: %v", value, got, want, err)
		}
		req.Rule = scopes.Optional(scopes.All())
		if _, err := bearer.Decide(t.Context(), v, req); (err == nil) != (want == bearer.NoToken) {
			t.Fatalf("%q with an optional rule: got error %v, want an error = %v", value, err, want != bearer.NoToken)
		}
	}
	for _, reason := range []bearer.Reason{bearer.NoToken, bearer.InvalidRequest, bearer.Malformed} {
		if seen[reason] < 500 {
			t.Errorf("got %d values with the reason %q, want at least 500", seen[reason], reason)
		}
	}
}

// modelReason returns the reason for a value that contains no valid token.
func modelReason(value string) bearer.Reason {
	isName := func(s string) bool { return s != "" && strings.Trim(s[:1], "!#$%&'*+-.^_`|~"+alphanumerics) == "" }
	hasScheme := func(s string) bool { return len(s) >= 6 && strings.EqualFold(s[:6], "Bearer") && !isName(s[6:]) }
	switch {
	case hasScheme(value):
		token := strings.TrimLeft(value[6:], " ")
		text := strings.TrimRight(token, "=")
		if token == value[6:] || text == "" || strings.Trim(text, "-._~+/"+alphanumerics) != "" {
			return bearer.InvalidRequest
		}
		return bearer.Malformed
	case value[0] == ' ' || value[0] == '\t':
		return bearer.InvalidRequest
	case strings.Count(value, ".") == 2 && !strings.Contains(value, " "):
		return bearer.NoToken
	}
	for i, c := range []byte(value) {
		if later := strings.TrimLeft(value[i+1:], " \t"); c == ',' && len(later) > 6 && hasScheme(later) {
			return bearer.InvalidRequest
		}
	}
	return bearer.NoToken
}

const alphanumerics = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
