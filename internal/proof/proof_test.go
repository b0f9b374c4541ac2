package proof_test

import (
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearer/internal/proof"
	"github.com/bearerkit/bearer/internal/testkit"
)

func TestRead(t *testing.T) {
	for alg, c := range clients() {
		got, err := read(c.sign(t, nil, object{"ath": "h", "nonce": "n", "exp": 1562262700.5, "nbf": 1562262600}))
		if err != nil {
			t.Errorf("%s: got error %v, want none", alg, err)
			continue
		}
		want := proof.Claims{
			ID: "e1j3V_bKic8-LAEB", Method: "GET", URI: "https://api.example/", IssuedAt: time.Unix(1562262618, 0), TokenHash: "h",
			Nonce: "n", HasNonce: true, ExpiresAt: time.Unix(1562262700, 5e8), NotBefore: time.Unix(1562262600, 0),
		}
		if *got != want {
			t.Errorf("%s: got claims %+v, want %+v", alg, *got, want)
		}
	}
}

// TestHeader tests members of the header that are allowed and ignored (RFC 9449, section 4.2).
func TestHeader(t *testing.T) {
	c := clients()["ES256"]
	for _, header := range []object{
		{"kid": "1"},
		{"typ": "DPoP+JWT"},
		{"typ": "application/dpop+jwt"},
		{"x5c": []string{"!"}, "jku": "https://attacker.example/keys", "x5u": "https://attacker.example/key"},
		{"jwk": with(object{"alg": "RS256", "use": "enc", "kid": "k", "key_ops": []string{"sign"}}, c.jwk)},
	} {
		p, err := proof.Read(c.sign(t, header, nil))
		if err == nil {
			err = p.Verify()
		}
		if err != nil {
			t.Errorf("%v: got error %v, want none", header, err)
			continue
		}
		plain, err := proof.Read(c.sign(t, nil, nil))
		if err != nil || p.Thumbprint() != plain.Thumbprint() {
			t.Errorf("%v: got thumbprint %s and error %v, want the thumbprint of the same key %s", header, p.Thumbprint(), err, plain.Thumbprint())
		}
	}
}

// TestReadErrors tests proofs with an invalid header or key. Their signatures are valid.
func TestReadErrors(t *testing.T) {
	ec, rsa, ed := clients()["ES256"], clients()["RS256"], clients()["EdDSA"]
	change := func(c *client, changes object) object { return object{"jwk": with(with(object{}, c.jwk), changes)} }
	for name, field := range map[string]string{
		"no typ":                ec.sign(t, object{"typ": nil}, nil),
		"typ JWT":               ec.sign(t, object{"typ": "JWT"}, nil),
		"typ at+jwt":            ec.sign(t, object{"typ": "at+jwt"}, nil),
		"typ number":            ec.sign(t, object{"typ": 1}, nil),
		"typ with a parameter":  ec.sign(t, object{"typ": "dpop+jwt;v=1"}, nil),
		"crit":                  ec.sign(t, object{"crit": []string{"b64"}, "b64": true}, nil),
		"b64":                   ec.sign(t, object{"b64": true}, nil),
		"no jwk":                ec.sign(t, object{"jwk": nil, "kid": "1"}, nil),
		"jwk null":              ec.signText(t, `{"typ":"dpop+jwt","alg":"ES256","jwk":null}`, "{}"),
		"jwk string":            ec.sign(t, object{"jwk": marshal(t, ec.jwk)}, nil),
		"jwk array":             ec.sign(t, object{"jwk": []any{ec.jwk}}, nil),
		"two jwk":               ec.signText(t, `{"typ":"dpop+jwt","alg":"ES256","jwk":`+marshal(t, ec.jwk)+`,"jwk":`+marshal(t, ec.jwk)+`}`, "{}"),
		"two x":                 ec.signText(t, `{"typ":"dpop+jwt","alg":"ES256","jwk":`+strings.Replace(marshal(t, ec.jwk), `"x":`, `"x":"","x":`, 1)+`}`, "{}"),
		"no kty":                ec.sign(t, change(ec, object{"kty": nil}), nil),
		"kty oct":               ec.sign(t, change(ec, object{"kty": "oct"}), nil),
		"kty ec":                ec.sign(t, change(ec, object{"kty": "ec"}), nil),
		"kty number":            ec.sign(t, change(ec, object{"kty": 1}), nil),
		"crv secp256k1":         ec.sign(t, change(ec, object{"crv": "secp256k1"}), nil),
		"crv of another length": ec.sign(t, change(ec, object{"crv": "P-384"}), nil),
		"crv X25519":            ed.sign(t, change(ed, object{"crv": "X25519"}), nil),
		"no y":                  ec.sign(t, change(ec, object{"y": nil}), nil),
		"x padded":              ec.sign(t, change(ec, object{"x": ec.member("x") + "="}), nil),
		"x with zero in front":  ec.sign(t, change(ec, object{"x": encode(append([]byte{0}, make([]byte, 32)...))}), nil),
		"x short":               ec.sign(t, change(ec, object{"x": ec.member("x")[:42]}), nil),
		"x of Ed25519 padded":   ed.sign(t, change(ed, object{"x": ed.member("x") + "="}), nil),
		"n with zero in front":  rsa.sign(t, change(rsa, object{"n": "AA" + rsa.member("n")}), nil),
		"e with zero in front":  rsa.sign(t, change(rsa, object{"e": "AAEAAQ"}), nil),
		"e 1":                   rsa.sign(t, change(rsa, object{"e": "AQ"}), nil),
		"e even":                rsa.sign(t, change(rsa, object{"e": "BA"}), nil),
		"e of 2^31+1":           rsa.sign(t, change(rsa, object{"e": "gAAAAQ"}), nil),
		"e of five bytes":       rsa.sign(t, change(rsa, object{"e": "AQAAAAE"}), nil),
		"RSA with 1,024 bits":   rsa.sign(t, change(rsa, object{"n": rsa.member("n")[:171]}), nil),
		"RSA with 16,384 bits":  rsa.sign(t, change(rsa, object{"n": strings.Repeat(rsa.member("n"), 8)}), nil),
		"two parts":             "e30.e30",
		"four parts":            ec.sign(t, nil, nil) + ".e30",
		"empty":                 "",
		"quotes":                `"` + ec.sign(t, nil, nil) + `"`,
		"list":                  ec.sign(t, nil, nil) + "," + ec.sign(t, nil, nil),
		"blank":                 " " + ec.sign(t, nil, nil),
		"not ASCII":             ec.sign(t, nil, nil) + "é",
		"long":                  strings.Repeat("a", proof.MaxLength+1),
		"header is an array":    "W10.e30.AA",
		"two members HTU":       ec.signText(t, `{"typ":"dpop+jwt","typ":"dpop+jwt"}`, "{}"),
	} {
		if p, err := proof.Read(field); err == nil {
			t.Errorf("%s: got thumbprint %s, want an error", name, p.Thumbprint())
		}
	}
	for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
		for _, value := range []any{"AQAB", "", nil, 1, []string{}} {
			jwk := with(object{}, ec.jwk)
			jwk[private] = value
			if _, err := proof.Read(ec.sign(t, object{"jwk": jwk}, nil)); err == nil {
				t.Errorf("member %s with the value %v: got no error, want one", private, value)
			} else if strings.Contains(err.Error(), "AQAB") {
				t.Errorf("member %s: got error %v with the value, want an error without it", private, err)
			}
		}
	}
}

// TestVerifyErrors tests proofs with a readable key whose signature must not be accepted.
func TestVerifyErrors(t *testing.T) {
	ec, rsa, ed := clients()["ES256"], clients()["RS256"], clients()["EdDSA"]
	valid := ec.sign(t, nil, nil)
	offCurve := with(object{}, ec.jwk)
	offCurve["y"] = offCurve["x"]
	for name, field := range map[string]string{
		"alg none":                  ec.sign(t, object{"alg": "none"}, nil),
		"no alg":                    ec.sign(t, object{"alg": nil}, nil),
		"alg HS256":                 ec.sign(t, object{"alg": "HS256"}, nil),
		"alg ES384 with P-256":      ec.sign(t, object{"alg": "ES384"}, nil),
		"alg RS256 with an EC key":  ec.sign(t, object{"alg": "RS256"}, nil),
		"alg ES256 with an RSA key": rsa.sign(t, object{"alg": "ES256"}, nil),
		"alg PS256, signed RS256":   rsa.sign(t, object{"alg": "PS256"}, nil),
		"alg EdDSA with an EC key":  ec.sign(t, object{"alg": "EdDSA"}, nil),
		"key of another client":     ec.sign(t, object{"jwk": newEC("ES256", curve256).jwk}, nil),
		"key of another kind":       ec.sign(t, object{"jwk": ed.jwk, "alg": "EdDSA"}, nil),
		"point off the curve":       ec.sign(t, object{"jwk": offCurve}, nil),
		"no signature":              valid[:strings.LastIndexByte(valid, '.')+1],
		"cut signature":             valid[:len(valid)-4],
		"other claims":              replacePart(valid, 1, "eyJqdGkiOiJ4In0"),
	} {
		p, err := proof.Read(field)
		if err != nil {
			t.Errorf("%s: got error %v of Read, want none", name, err)
			continue
		}
		if err := p.Verify(); err == nil {
			t.Errorf("%s: got no error, want one", name)
		}
	}
}

func TestClaimsErrors(t *testing.T) {
	c := clients()["ES256"]
	for name, claims := range map[string]object{
		"no jti": {"jti": nil}, "jti empty": {"jti": ""}, "jti number": {"jti": 1}, "jti of 257 bytes": {"jti": strings.Repeat("j", 257)},
		"no htm": {"htm": nil}, "htm array": {"htm": []string{"GET"}}, "htm empty": {"htm": ""},
		"no htu": {"htu": nil}, "htu object": {"htu": object{}}, "HTU": {"htu": nil, "HTU": "https://api.example/"},
		"no iat": {"iat": nil}, "iat string": {"iat": "1562262618"}, "iat huge": {"iat": 1e20}, "iat true": {"iat": true},
		"ath array": {"ath": []string{"h"}}, "ath empty": {"ath": ""}, "ath number": {"ath": 1},
		"nonce number": {"nonce": 1}, "nonce empty": {"nonce": ""}, "exp string": {"exp": "1"}, "nbf array": {"nbf": []int{1}},
	} {
		if got, err := read(c.sign(t, nil, claims)); err == nil {
			t.Errorf("%s: got claims %+v, want an error", name, *got)
		}
	}
	for name, text := range map[string]string{
		"null":       "null",
		"array":      "[]",
		"two jti":    `{"jti":"a","htm":"GET","htu":"https://api.example/","iat":1,"jti":"b"}`,
		"iat null":   `{"jti":"a","htm":"GET","htu":"https://api.example/","iat":null}`,
		"nonce null": `{"jti":"a","htm":"GET","htu":"https://api.example/","iat":1,"nonce":null}`,
		"data after": `{"jti":"a","htm":"GET","htu":"https://api.example/","iat":1}{}`,
	} {
		header := marshal(t, object{"typ": "dpop+jwt", "alg": "ES256", "jwk": c.jwk})
		if got, err := read(c.signText(t, header, text)); err == nil {
			t.Errorf("%s: got claims %+v, want an error", name, *got)
		}
	}
}

// TestThumbprint tests the examples of RFC 9449 (section 6.1), RFC 7638 (section 3.1) and RFC 8037
// (appendix A.3).
func TestThumbprint(t *testing.T) {
	for want, jwk := range map[string]string{
		"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I": `{"kty":"EC","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs","y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA","crv":"P-256"}`,
		"NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs": `{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}`,
		"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k": `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`,
	} {
		p, err := proof.Read(encode([]byte(`{"typ":"dpop+jwt","alg":"ES256","jwk":`+jwk+`}`)) + ".e30.AA")
		if err != nil {
			t.Errorf("%s: got error %v, want none", want, err)
		} else if got := p.Thumbprint(); got != want {
			t.Errorf("got thumbprint %s, want %s", got, want)
		}
	}
}

// TestReadAllocations tests the number of allocations for an ES256 proof, without its signature
// check.
func TestReadAllocations(t *testing.T) {
	if testkit.RaceEnabled {
		t.Skip("the race detector changes the number of allocations")
	}
	field := clients()["ES256"].sign(t, nil, object{"ath": "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"})
	got := testing.AllocsPerRun(100, func() {
		p, err := proof.Read(field)
		if err == nil {
			_, err = p.Claims()
		}
		if err != nil {
			t.Error(err)
		}
	})
	if got > 12 {
		t.Errorf("got %v allocations, want at most 12", got)
	}
	t.Logf("%v allocations", got)
}
