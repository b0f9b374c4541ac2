package vectors_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/jwks"
)

// rfcExample is a signed example of an RFC.
type rfcExample struct {
	Source  string         `json:"source"`
	Keys    jsontext.Value `json:"keys"`
	Token   string         `json:"token"`
	Refused string         `json:"refused"` // cause of the refusal, or empty if bearer must accept the token
}

// TestRFCExamples runs the examples of RFC 7515, RFC 7520 and RFC 8037.
func TestRFCExamples(t *testing.T) {
	data, err := os.ReadFile("testdata/rfc.json")
	if err != nil {
		t.Fatal(err)
	}
	var examples []rfcExample
	if err := json.Unmarshal(data, &examples, json.RejectUnknownMembers(true)); err != nil {
		t.Fatal(err)
	}
	verified := 0
	for _, e := range examples {
		payload, err := verifyJSON(e.Token, e.Keys)
		if (err == nil) != (e.Refused == "") {
			t.Errorf("%s: got error %v, want refusal %q (empty: accepted)", e.Source, err, e.Refused)
			continue
		}
		if err == nil {
			verified++
			if len(payload) == 0 {
				t.Errorf("%s: got an empty payload, want a payload", e.Source)
			}
		}
	}
	if verified != 8 || len(examples) != 15 {
		t.Errorf("got %d accepted examples of %d, want 8 of 15", verified, len(examples))
	}
}

// TestRFCThumbprints parses the keys of RFC 7638, section 3.1, and RFC 8037, appendix A.3.
// The thumbprints must be equal to the thumbprints in the RFCs.
func TestRFCThumbprints(t *testing.T) {
	for _, row := range []struct{ source, key, want string }{
		{
			"RFC 7638, 3.1", `{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}`,
			"NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
		},
		{
			"RFC 8037, A.3", `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`,
			"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
		},
	} {
		set, err := jwks.Parse([]byte(`{"keys":[` + row.key + `]}`))
		if err != nil {
			t.Errorf("%s: got %v, want a key", row.source, err)
			continue
		}
		if got := set.Keys()[0].Thumbprint(); got != row.want {
			t.Errorf("%s: got thumbprint %s, want %s", row.source, got, row.want)
		}
	}
}

// TestRFC9068Example signs the header and the claims of RFC 9068, figure 3, because the
// figure has no signature. Then it verifies the token. bearer must accept the token, except
// for the cases in which RFC 9068, section 4, requires a refusal.
func TestRFC9068Example(t *testing.T) {
	const (
		header = `{"typ":"at+JWT","alg":"RS256","kid":"RjEwOwOA"}`
		claims = `{
     "iss": "https://authorization-server.example.com/",
     "sub": "5ba552d67",
     "aud":   "https://rs.example.com/",
     "exp": 1639528912,
     "iat": 1618354090,
     "jti": "dbe39bf3a3ba4238a513f51d6e1691c4",
     "client_id": "s6BhdRkqt3",
     "scope": "openid profile reademail"
   }`
		issued, expiry = 1618354090, 1639528912
	)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	set, err := jwks.Parse(fmt.Appendf(nil, `{"keys":[{"kty":"RSA","kid":"RjEwOwOA","alg":"RS256","n":%q,"e":"AQAB"}]}`, b64(key.N.Bytes())))
	if err != nil {
		t.Fatal(err)
	}
	input := b64([]byte(header)) + "." + b64([]byte(claims))
	digest := sha256.Sum256([]byte(input))
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	token := input + "." + b64(signature)
	for _, row := range []struct {
		issuer, audience string
		at               int64
		want             error
	}{
		{"https://authorization-server.example.com/", "https://rs.example.com/", issued, nil},
		{"https://authorization-server.example.com/", "https://rs.example.com/", expiry - 1, nil},
		{"https://authorization-server.example.com/", "https://rs.example.com/", expiry, bearer.Expired},
		{"https://authorization-server.example.com", "https://rs.example.com/", issued, bearer.WrongIssuer},
		{"https://authorization-server.example.com/", "https://rs.example.com", issued, bearer.WrongAudience},
	} {
		v, err := bearer.New(bearer.Config{Issuer: row.issuer, Audience: []string{row.audience}, Keys: set})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(time.Until(time.Unix(row.at, 0)))
			got, err := v.Verify(t.Context(), token)
			if !errors.Is(err, row.want) {
				t.Errorf("issuer %s, audience %s, at time %d: got error %v, want error %v", row.issuer, row.audience, row.at, err, row.want)
			}
			if err != nil {
				return
			}
			if got.ClientID() != "s6BhdRkqt3" || got.Subject() != "5ba552d67" || !slices.Equal(slices.Collect(got.Scopes().All()), []string{"openid", "profile", "reademail"}) {
				t.Errorf("got claims %v with scopes %v, want the claims of RFC 9068, figure 3", got, got.Scopes())
			}
		})
	}
}
