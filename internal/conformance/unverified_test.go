package conformance_test

import (
	"encoding/base64"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearer/bearertest"
	"github.com/bearerkit/bearer/internal/testkit"
)

// unverifiedAnswer is the response of a guard without options to every token whose signature
// was not verified. The other wires have no fixed text in this test: they must give the same
// response to all such tokens.
const unverifiedAnswer = "HTTP/1.1 401 Unauthorized\r\n" +
	"Cache-Control: no-store\r\n" +
	"Content-Type: application/json\r\n" +
	"Www-Authenticate: Bearer realm=\"api\", error=\"invalid_token\", error_description=\"The access token is invalid\"\r\n" +
	"X-Content-Type-Options: nosniff\r\n" +
	"Content-Length: 101\r\n\r\n" +
	`{"error":"invalid_token","error_description":"The access token is invalid","reason":"invalid_token"}` + "\n"

// claimFaults are changes of the claims, each with the description that a client gets if the
// issuer signed these claims.
func claimFaults() map[string]claimFault {
	now := time.Now()
	const common = "The access token is invalid"
	return map[string]claimFault{
		"expired":          {map[string]any{"exp": now.Add(-time.Hour)}, "The access token expired"},
		"not yet valid":    {map[string]any{"nbf": now.Add(time.Hour)}, "The access token is not valid yet"},
		"issued tomorrow":  {map[string]any{"iat": now.Add(24 * time.Hour), "exp": now.Add(48 * time.Hour)}, "The access token is not valid yet"},
		"other audience":   {map[string]any{"aud": "other-api"}, "The access token is not meant for this resource"},
		"several others":   {map[string]any{"aud": []string{"a", "b"}}, "The access token is not meant for this resource"},
		"bound":            {map[string]any{"cnf": map[string]any{"jkt": "x"}}, "Sender-constrained access tokens are not supported"},
		"no subject":       {map[string]any{"sub": nil}, common},
		"no client":        {map[string]any{"client_id": nil}, common},
		"exp is a string":  {map[string]any{"exp": "tomorrow"}, common},
		"no exp":           {map[string]any{"exp": nil}, common},
		"number as jti":    {map[string]any{"jti": 7}, common},
		"other issuer":     {map[string]any{"iss": "https://other.example"}, common},
		"no issuer":        {map[string]any{"iss": nil}, common},
		"issuer is a list": {map[string]any{"iss": []string{"a"}}, common},
	}
}

type claimFault struct {
	claims      map[string]any
	description string
}

// headerFaults are changes of the header.
func headerFaults() []map[string]any {
	return []map[string]any{
		{"typ": "JWT"},
		{"typ": nil},
		{"typ": 7},
		{"typ": "at+jwt;x"},
		{"kid": "unknown"},
		{"kid": nil},
		{"kid": ""},
		{"kid": 7},
		{"alg": "none"},
		{"alg": "HS256"},
		{"alg": "RS256"},
		{"alg": "ES384"},
		{"alg": nil},
		{"alg": 7},
		{"crit": []string{"x"}},
		{"b64": false},
		{"zip": "DEF"},
		{"enc": "A128GCM"},
		{"cty": "JWT"},
		{"iss": "https://evil.example"},
		{"aud": 7},
		{"jku": "https://evil.example"},
		{"jwk": map[string]any{"kty": "oct"}},
		{"x5c": []string{"MIIB"}},
	}
}

// A forger makes tokens whose signatures are not valid.
type forger struct {
	*rand.Rand
	issuer *bearertest.Issuer
	faults map[string]claimFault
	names  []string // the keys of faults
}

func newForger(issuer *bearertest.Issuer, seed uint64) *forger {
	faults := claimFaults()
	return &forger{rand.New(rand.NewPCG(seed, 18)), issuer, faults, slices.Sorted(maps.Keys(faults))} //nolint:gosec // the tokens must be the same in each run
}

// token returns a token that no key of the issuer has signed. It may have other faults too.
func (f *forger) token() string {
	header, claims := map[string]any{}, map[string]any{"scope": "read:things"}
	for range f.IntN(3) {
		maps.Copy(claims, f.faults[f.names[f.IntN(len(f.names))]].claims)
	}
	if f.IntN(2) == 0 {
		faults := headerFaults()
		maps.Copy(header, faults[f.IntN(len(faults))])
	}
	switch genuine := f.issuer.Mint(nil, claims); f.IntN(8) {
	case 0, 1, 2:
		return f.issuer.Forge(header, claims)
	case 3: // the signature of other claims
		return bearertest.Tamper(f.issuer.Token(nil), claims)
	case 4: // no signature
		return genuine[:strings.LastIndexByte(genuine, '.')+1]
	case 5: // the header of another token
		_, rest, _ := strings.Cut(genuine, ".")
		return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"alg":"ES256","kid":"k%d","typ":"at+jwt"}`, f.IntN(9))) + "." + rest
	default:
		return f.mutate(genuine)
	}
}

// tokens returns n tokens. If the race detector is on, it returns a tenth of them, because the
// test is then ten times as slow. The responses do not depend on the race detector.
func (f *forger) tokens(n int) []string {
	if testkit.RaceEnabled {
		n /= 10
	}
	list := make([]string, n)
	for i := range list {
		list[i] = f.token()
	}
	return list
}

// mutate changes a token of the issuer in one to three places.
func (f *forger) mutate(genuine string) string {
	const alphabet = "ABCXYZabcxyz0189-_.~+/="
	token := genuine
	for changes := 1 + f.IntN(3); changes > 0 || token == genuine; changes-- {
		if token == "" {
			return "x"
		}
		i := f.IntN(len(token))
		switch c := alphabet[f.IntN(len(alphabet))]; f.IntN(6) {
		case 0, 1:
			token = token[:i] + string(c) + token[i+1:]
		case 2:
			token = token[:i] + string(c) + token[i:]
		case 3:
			token = token[:i] + token[i+1:]
		case 4:
			token = token[:i]
		default:
			token += strings.Repeat(string(c), 1+f.IntN(3)*f.IntN(9000))
		}
	}
	return token
}

// b64token is the form of a token in RFC 6750, section 2.1.
var b64token = regexp.MustCompile(`^[A-Za-z0-9._~+/-]+=*$`)

// isToken reports whether the guards read text as a token. The guards do not read a text of more
// than 16 KiB, and refuse it as a token that is too long.
func isToken(text string) bool { return len(text) > 16<<10 || b64token.MatchString(text) }

// TestUnverified sends tokens whose signatures are not valid over every wire. The
// response must be the same, byte for byte, even if the token has other faults too. The only
// exception is a text that is not a token at all, which gets the response for such requests.
func TestUnverified(t *testing.T) {
	issuer := testkit.NewIssuer(t, "ES256")
	tokens := newForger(issuer, 1).tokens(3000)
	for _, w := range wires(t, testkit.NewVerifier(t, issuer, nil)) {
		t.Run(w.name, func(t *testing.T) { checkSame(t, w, tokens) })
	}
}

// checkSame sends tokens that are not verified over one wire, and compares the responses.
func checkSame(t *testing.T, w wire, tokens []string) {
	t.Helper()
	same := map[bool]string{true: w.send("eyJhbGciOiJub25lIn0.e30."), false: w.send("a=b")}
	if w.name == plainWire && same[true] != unverifiedAnswer {
		t.Errorf("got response %q to an unsigned token, want %q", same[true], unverifiedAnswer)
	}
	if strings.HasPrefix(w.name, "gRPC") && !strings.Contains(same[true], "INVALID_TOKEN") {
		t.Errorf("got response %q to an unsigned token, want the reason INVALID_TOKEN", same[true])
	}
	if same[true] == same[false] {
		t.Errorf("got response %q to an unsigned token and to a text that is no token, want two responses", same[true])
	}
	for _, token := range tokens {
		if got, want := w.send(token), same[isToken(token)]; got != want {
			t.Fatalf("got response %q to the token %q, want %q", got, token, want)
		}
	}
}

// TestVerified sends tokens that the issuer has signed, and whose claims do not fit. The client
// must learn what is wrong.
func TestVerified(t *testing.T) {
	issuer := testkit.NewIssuer(t, "ES256")
	for _, w := range wires(t, testkit.NewVerifier(t, issuer, nil)) {
		for name, fault := range claimFaults() {
			if got := w.send(issuer.Token(fault.claims)); !strings.Contains(got, fault.description) {
				t.Errorf("%s, %s: got response %q, want the description %q", w.name, name, got, fault.description)
			}
		}
	}
}
