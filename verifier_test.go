package bearer_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/bearertest"
)

type members = map[string]any

// The rows of this table are tokens that break one rule, and similar tokens that break no
// rule. A row lists only the differences from a valid token of RFC 9068. An empty reason means
// that the verifier must accept the token.
var tokens = []struct {
	name           string
	header, claims members
	want           bearer.Reason
}{
	{"valid token", nil, nil, ""},

	{"typ begins with application/", members{"typ": "application/at+jwt"}, nil, ""},
	{"typ in upper case", members{"typ": "AT+JWT"}, nil, ""},
	{"typ is JWT", members{"typ": "JWT"}, nil, bearer.WrongType},
	{"typ is missing", members{"typ": nil}, nil, bearer.WrongType},
	{"typ is empty", members{"typ": ""}, nil, bearer.WrongType},
	{"typ with a parameter", members{"typ": "at+jwt;v=1"}, nil, bearer.WrongType},
	{"typ is an array", members{"typ": []string{"at+jwt"}}, nil, bearer.WrongType},
	{"typ of a DPoP proof", members{"typ": "dpop+jwt"}, nil, bearer.WrongType},
	{"typ of a logout token", members{"typ": "logout+jwt"}, nil, bearer.WrongType},

	{"crit names exp", members{"crit": []string{"exp"}, "exp": 1}, nil, bearer.Malformed},
	{"crit is an empty array", members{"crit": []string{}}, nil, bearer.Malformed},
	{"crit is null", members{"crit": raw("null")}, nil, bearer.Malformed},
	{"b64 is true", members{"b64": true}, nil, bearer.Malformed},
	{"b64 is false", members{"b64": false}, nil, bearer.Malformed},
	{"header contains enc", members{"enc": "A128GCM"}, nil, bearer.Malformed},
	{"header contains zip", members{"zip": "DEF"}, nil, ""},
	{"crit names zip", members{"crit": []string{"zip"}, "zip": "DEF"}, nil, bearer.Malformed},
	{"cty is JWT", members{"cty": "JWT"}, nil, bearer.Malformed},
	{"cty is json", members{"cty": "json"}, nil, ""},
	{"header contains an unknown member", members{"x": 1}, nil, ""},
	{"header contains a key", members{"jwk": members{"kty": "oct", "k": "AA"}}, nil, ""},

	{"alg is none", members{"alg": "none"}, nil, bearer.WrongAlgorithm},
	{"alg is nOnE", members{"alg": "nOnE"}, nil, bearer.WrongAlgorithm},
	{"alg is rs256", members{"alg": "rs256"}, nil, bearer.WrongAlgorithm},
	{"alg is HS256", members{"alg": "HS256"}, nil, bearer.WrongAlgorithm},
	{"alg is not accepted", members{"alg": "RS384"}, nil, bearer.WrongAlgorithm},
	{"alg is null", members{"alg": raw("null")}, nil, bearer.WrongAlgorithm},
	{"alg is missing", members{"alg": nil}, nil, bearer.WrongAlgorithm},
	{"alg is an array", members{"alg": []string{"RS256"}}, nil, bearer.WrongAlgorithm},

	{"kid is unknown", members{"kid": "other"}, nil, bearer.UnknownKey},
	{"kid is missing, and the key set has one key", members{"kid": nil}, nil, ""},
	{"kid is empty", members{"kid": ""}, nil, bearer.Malformed},
	{"kid is a number", members{"kid": 1}, nil, bearer.Malformed},
	{"kid is a path", members{"kid": "../../dev/null"}, nil, bearer.UnknownKey},
	{"kid of 8 KiB", members{"kid": strings.Repeat("k", 8<<10)}, nil, bearer.UnknownKey},

	{"iss is missing", nil, members{"iss": nil}, bearer.WrongIssuer},
	{"iss with a trailing slash", nil, members{"iss": "https://issuer.example/"}, bearer.WrongIssuer},
	{"iss in upper case", nil, members{"iss": "https://ISSUER.example"}, bearer.WrongIssuer},
	{"iss is an array", nil, members{"iss": []string{"https://issuer.example"}}, bearer.WrongIssuer},
	{"iss is null", nil, members{"iss": raw("null")}, bearer.WrongIssuer},

	{"aud is a string", nil, members{"aud": audience}, ""},
	{"aud is an array with the audience and a different audience", nil, members{"aud": []string{"other", audience}}, ""},
	{"aud is missing", nil, members{"aud": nil}, bearer.WrongAudience},
	{"aud is a different audience", nil, members{"aud": "other"}, bearer.WrongAudience},
	{"aud is a prefix of the audience", nil, members{"aud": audience[:5]}, bearer.WrongAudience},
	{"aud is one string with two audiences", nil, members{"aud": "other " + audience}, bearer.WrongAudience},
	{"aud is an empty array", nil, members{"aud": []string{}}, bearer.WrongAudience},
	{"aud is null", nil, members{"aud": raw("null")}, bearer.InvalidClaims},
	{"aud is an array with null", nil, members{"aud": raw("[null]")}, bearer.InvalidClaims},
	{"aud is an array with a number", nil, members{"aud": []any{audience, 1}}, bearer.InvalidClaims},
	{"aud is a nested array", nil, members{"aud": [][]string{{audience}}}, bearer.InvalidClaims},
	{"aud is an object", nil, members{"aud": members{audience: true}}, bearer.InvalidClaims},

	{"exp is missing", nil, members{"exp": nil}, bearer.InvalidClaims},
	{"exp is null", nil, members{"exp": raw("null")}, bearer.InvalidClaims},
	{"exp is a string", nil, members{"exp": "4102444800"}, bearer.InvalidClaims},
	{"exp is an array", nil, members{"exp": []int64{4102444800}}, bearer.InvalidClaims},
	{"exp is true", nil, members{"exp": true}, bearer.InvalidClaims},
	{"exp is 0", nil, members{"exp": 0}, bearer.Expired},
	{"exp is -1", nil, members{"exp": -1}, bearer.Expired},
	{"exp is -0", nil, members{"exp": raw("-0")}, bearer.Expired},
	{"exp is 1e9", nil, members{"exp": raw("1e9")}, bearer.Expired},
	{"exp is 4102444800.5", nil, members{"exp": raw("4102444800.5")}, ""},
	{"exp is 1e400", nil, members{"exp": raw("1e400")}, bearer.InvalidClaims},
	{"exp is 2^63", nil, members{"exp": raw("9223372036854775808")}, bearer.InvalidClaims},
	{"exp is 2^64", nil, members{"exp": raw("18446744073709551616")}, bearer.InvalidClaims},
	{"exp in milliseconds", nil, members{"exp": raw("4102444800000")}, bearer.InvalidClaims},
	{"exp of 5000 digits", nil, members{"exp": raw(strings.Repeat("4", 5000))}, bearer.InvalidClaims},
	{"nbf in the future", nil, members{"nbf": time.Now().Add(time.Hour)}, bearer.NotYetValid},
	{"nbf is a string", nil, members{"nbf": "0"}, bearer.InvalidClaims},
	{"nbf is 2^63", nil, members{"nbf": raw("9223372036854775808")}, bearer.InvalidClaims},
	{"nbf is 1e300", nil, members{"nbf": raw("1e300")}, bearer.InvalidClaims},
	{"nbf is -1", nil, members{"nbf": -1}, ""},
	{"iat in the future", nil, members{"iat": time.Now().Add(time.Hour)}, bearer.NotYetValid},
	{"iat is a string", nil, members{"iat": "0"}, bearer.InvalidClaims},
	{"iat is missing", nil, members{"iat": nil}, bearer.InvalidClaims},

	{"sub is missing", nil, members{"sub": nil}, bearer.InvalidClaims},
	{"sub is a number", nil, members{"sub": 1}, bearer.InvalidClaims},
	{"sub is null", nil, members{"sub": raw("null")}, bearer.InvalidClaims},
	{"jti is missing", nil, members{"jti": nil}, bearer.InvalidClaims},
	{"jti is a number", nil, members{"jti": 1}, bearer.InvalidClaims},
	{"client_id is missing", nil, members{"client_id": nil}, bearer.InvalidClaims},
	{"client_id is an object", nil, members{"client_id": members{}}, bearer.InvalidClaims},

	{"cnf contains jkt", nil, members{"cnf": members{"jkt": "x"}}, bearer.WrongBinding},
	{"cnf contains x5t#S256", nil, members{"cnf": members{"x5t#S256": "x"}}, bearer.WrongBinding},
	{"cnf contains an unknown member", nil, members{"cnf": members{"kc-jkt-type": "x"}}, bearer.WrongBinding},
	{"cnf is empty", nil, members{"cnf": members{}}, bearer.WrongBinding},
	{"cnf is null", nil, members{"cnf": raw("null")}, bearer.WrongBinding},
	{"cnf is a string", nil, members{"cnf": "x"}, bearer.WrongBinding},

	{"claims contain an unknown claim", nil, members{"x": []any{1, members{"y": nil}}}, ""},
	{"claim of 15 nested arrays", nil, members{"x": raw(strings.Repeat("[", 15) + strings.Repeat("]", 15))}, ""},
	{"claim of 16 nested arrays", nil, members{"x": raw(strings.Repeat("[", 16) + strings.Repeat("]", 16))}, bearer.Malformed},
}

func TestTokens(t *testing.T) {
	issuer := newIssuer(t)
	v := newVerifier(t, issuer, nil)
	for _, row := range tokens {
		t.Run(row.name, func(t *testing.T) {
			token := issuer.Mint(row.header, row.claims)
			claims, err := v.Verify(t.Context(), token)
			if got := reasonOf(t, err); got != row.want {
				t.Fatalf("got reason %q, want %q; error: %v", got, row.want, err)
			}
			if (claims == nil) != (err != nil) {
				t.Errorf("got claims %v and error %v, want exactly one of them", claims, err)
			}
			if err != nil && strings.Contains(err.Error(), token) {
				t.Errorf("got error %v, want an error without the token", err)
			}
		})
	}
}

// TestTokenForm verifies tokens whose bytes Mint cannot produce.
func TestTokenForm(t *testing.T) {
	issuer := newIssuer(t)
	v := newVerifier(t, issuer, nil)
	key := issuer.SigningKey("")
	good := issuer.Token(nil)
	parts := strings.Split(good, ".")
	header := `{"alg":"RS256","typ":"at+jwt","kid":"` + key.ID() + `"}`
	body := `"iss":"https://issuer.example","aud":"deployment-api","sub":"s","client_id":"c","jti":"j","iat":1,"exp":4102444800}`
	for _, row := range []struct {
		name, token string
		want        bearer.Reason
	}{
		{"empty token", "", bearer.NoToken},
		{"no dots", "token", bearer.Malformed},
		{"one dot", parts[0] + "." + parts[1], bearer.Malformed},
		{"three dots", good + ".", bearer.Malformed},
		{"JWE with five parts", "a.b.c.d.e", bearer.Malformed},
		{"1 MiB of dots", strings.Repeat(".", 1<<20), bearer.Malformed},
		{"JSON serialization instead of compact serialization", `{"payload":"` + parts[1] + `"}`, bearer.Malformed},
		{"empty header", "." + parts[1] + "." + parts[2], bearer.Malformed},
		{"empty payload", parts[0] + ".." + parts[2], bearer.Malformed},
		{"empty signature", parts[0] + "." + parts[1] + ".", bearer.BadSignature},
		{"padding at the end", good + "=", bearer.Malformed},
		{"line feed in the token", parts[0] + "." + parts[1] + "\n." + parts[2], bearer.Malformed},
		{"carriage return at the end", good + "\r", bearer.Malformed},
		{"leading space", " " + good, bearer.Malformed},
		{"base64 instead of base64url", parts[0] + "." + parts[1] + ".+/" + parts[2][2:], bearer.Malformed},
		{"token is too long", good + strings.Repeat("A", 16<<10), bearer.Malformed},
		{"well-formed token", key.Sign([]byte(header), []byte(`{`+body)), ""},
		{"space around header and claims", key.Sign([]byte(" "+header+"\n"), []byte(" {"+body+" ")), ""},
		{"header is null", key.Sign([]byte("null"), []byte(`{`+body)), bearer.Malformed},
		{"header is an array", key.Sign([]byte("[]"), []byte(`{`+body)), bearer.Malformed},
		{"two JSON objects as header", key.Sign([]byte(header+header), []byte(`{`+body)), bearer.Malformed},
		{"header is truncated", key.Sign([]byte(header[:9]), []byte(`{`+body)), bearer.Malformed},
		{"header starts with a BOM", key.Sign([]byte("\ufeff"+header), []byte(`{`+body)), bearer.Malformed},
		{"claims are an array", key.Sign([]byte(header), []byte(`[]`)), bearer.Malformed},
		{"claims are an empty object", key.Sign([]byte(header), []byte(`{}`)), bearer.WrongIssuer},
		{"data after the claims", key.Sign([]byte(header), []byte(`{`+body+`{}`)), bearer.Malformed},
		{"NUL after the claims", key.Sign([]byte(header), []byte(`{`+body+"\x00")), bearer.Malformed},
		{"trailing comma in the claims", key.Sign([]byte(header), []byte(`{`+body[:len(body)-1]+`,}`)), bearer.Malformed},
		{"claims contain exp twice", key.Sign([]byte(header), []byte(`{"exp":1,`+body)), bearer.Malformed},
		{"claims contain sub twice, once with an escaped letter", key.Sign([]byte(header), []byte(`{"s\u0075b":"x",`+body)), bearer.Malformed},
		{"nested object contains a name twice", key.Sign([]byte(header), []byte(`{"x":{"a":1,"a":2},`+body)), bearer.Malformed},
		{"claims contain EXP and exp", key.Sign([]byte(header), []byte(`{"EXP":1,`+body)), ""},
		{"claims contain sub and a claim with a similar name, in which a long s replaces the s", key.Sign([]byte(header), []byte(`{"ſub":"admin",`+body)), ""},
		{"claims contain invalid UTF-8", key.Sign([]byte(header), []byte("{\"x\":\"\xff\","+body)), bearer.Malformed},
		{"claims contain a lone surrogate", key.Sign([]byte(header), []byte(`{"x":"\ud800",`+body)), bearer.Malformed},
		{"header contains alg twice", key.Sign([]byte(`{"alg":"none",`+header[1:]), []byte(`{`+body)), bearer.Malformed},
		{"claims contain a number with a plus sign", key.Sign([]byte(header), []byte(`{"x":+1,`+body)), bearer.Malformed},
		{"claims contain a number with a leading zero", key.Sign([]byte(header), []byte(`{"x":01,`+body)), bearer.Malformed},
		{"claims contain NaN", key.Sign([]byte(header), []byte(`{"x":NaN,`+body)), bearer.Malformed},
		{"forged token", issuer.Forge(nil, nil), bearer.BadSignature},
		{"tampered token", bearertest.Tamper(good, members{"scope": "admin"}), bearer.BadSignature},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := v.Verify(t.Context(), row.token)
			if got := reasonOf(t, err); got != row.want {
				t.Fatalf("got reason %q, want %q; error: %v", got, row.want, err)
			}
		})
	}
}

// TestCanonicalSpelling replaces the last character of each part of an accepted token with
// every other character of base64url. The verifier must refuse every changed token.
func TestCanonicalSpelling(t *testing.T) {
	issuer := newIssuer(t, "ES256")
	v := newVerifier(t, issuer, nil)
	good := issuer.Token(nil)
	if _, err := v.Verify(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	ends := []int{strings.Index(good, ".") - 1, strings.LastIndex(good, ".") - 1, len(good) - 1}
	for _, end := range ends {
		for _, c := range alphabet {
			other := good[:end] + string(c) + good[end+1:]
			if _, err := v.Verify(t.Context(), other); other != good && err == nil {
				t.Errorf("the verifier accepted a token with %q at position %d instead of %q, want a refusal", c, end, good[end])
			}
		}
	}
}

func TestAlgorithms(t *testing.T) {
	all := []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
	issuer := newIssuer(t, all...)
	for _, alg := range all {
		t.Run(alg, func(t *testing.T) {
			v := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Algorithms = []string{alg} })
			token := issuer.Mint(members{"alg": alg}, nil)
			if _, err := v.Verify(t.Context(), token); err != nil {
				t.Errorf("token signed with %s: got error %v, want none", alg, err)
			}
			_, err := v.Verify(t.Context(), issuer.Forge(members{"alg": alg}, nil))
			if got := reasonOf(t, err); got != bearer.BadSignature {
				t.Errorf("forged token: got reason %q, want %q", got, bearer.BadSignature)
			}
			for _, other := range all {
				_, err := v.Verify(t.Context(), issuer.Mint(members{"alg": other}, nil))
				if got := reasonOf(t, err); other != alg && got != bearer.WrongAlgorithm {
					t.Errorf("token signed with %s: got reason %q, want %q", other, got, bearer.WrongAlgorithm)
				}
			}
		})
	}
}

// TestDefaultAlgorithms tests the algorithms that a nil Config.Algorithms accepts.
func TestDefaultAlgorithms(t *testing.T) {
	issuer := newIssuer(t, "RS256", "RS384", "PS256", "PS512", "ES256", "ES384", "EdDSA", "Ed25519")
	v := newVerifier(t, issuer, nil)
	for alg, want := range map[string]bearer.Reason{
		"RS256": "", "PS256": "", "ES256": "", "EdDSA": "", "Ed25519": "",
		"RS384": bearer.WrongAlgorithm, "PS512": bearer.WrongAlgorithm, "ES384": bearer.WrongAlgorithm,
	} {
		_, err := v.Verify(t.Context(), issuer.Mint(members{"alg": alg}, nil))
		if got := reasonOf(t, err); got != want {
			t.Errorf("%s: got reason %q, want %q", alg, got, want)
		}
	}
}

// TestTimes tests the limits of the time claims, of Config.MaxLifetime and of Config.MaxAge.
// The claim "exp" has no leeway. The claims "nbf" and "iat" have a leeway of 60 s.
func TestTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer(t, "EdDSA")
		v := newVerifier(t, issuer, func(cfg *bearer.Config) {
			cfg.MaxLifetime, cfg.MaxAge = 2*time.Hour, 90*time.Minute
		})
		now := time.Now()
		in := func(d time.Duration) int64 { return now.Add(d).Unix() }
		for _, row := range []struct {
			name          string
			iat, nbf, exp time.Duration
			want          bearer.Reason
		}{
			{"exp in 1 s", 0, 0, time.Second, ""},
			{"exp is now", 0, 0, 0, bearer.Expired},
			{"exp 1 s ago", -time.Minute, 0, -time.Second, bearer.Expired},
			{"nbf 60 s in the future", 0, 60 * time.Second, time.Hour, ""},
			{"nbf 61 s in the future", 0, 61 * time.Second, time.Hour, bearer.NotYetValid},
			{"iat 60 s in the future", 60 * time.Second, 0, time.Hour, ""},
			{"iat 61 s in the future", 61 * time.Second, 0, time.Hour, bearer.NotYetValid},
			{"lifetime at the limit", 0, 0, 2 * time.Hour, ""},
			{"lifetime 1 s over the limit", 0, 0, 2*time.Hour + time.Second, bearer.InvalidClaims},
			{"age at the limit", -90 * time.Minute, 0, time.Minute, ""},
			{"age 1 min over the limit", -91 * time.Minute, 0, time.Minute, bearer.Expired},
		} {
			_, err := v.Verify(t.Context(), issuer.Token(members{"iat": in(row.iat), "nbf": in(row.nbf), "exp": in(row.exp)}))
			if got := reasonOf(t, err); got != row.want {
				t.Errorf("%s: got reason %q, want %q; error: %v", row.name, got, row.want, err)
			}
		}
		token := issuer.Token(members{"exp": in(10 * time.Second)})
		time.Sleep(10*time.Second - 1)
		if _, err := v.Verify(t.Context(), token); err != nil {
			t.Errorf("1 ns before exp: got error %v, want none", err)
		}
		time.Sleep(time.Nanosecond)
		if _, err := v.Verify(t.Context(), token); !errors.Is(err, bearer.Expired) {
			t.Errorf("at exp: got error %v, want reason %q", err, bearer.Expired)
		}
	})
}

// TestScalekit tests that the profile Scalekit accepts Scalekit's tokens. Without the profile,
// the error must name Config.Profile.
func TestScalekit(t *testing.T) {
	issuer := newIssuer(t)
	header := members{"typ": "JWT", "kid": issuer.SigningKey("").ID()}
	claims := members{"sub": "m2morg_1", "client_id": "m2morg_1", "scopes": []string{"a:b", "c:d"}, "oid": "org_1"}
	v := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Profile = bearer.Scalekit })
	got, err := v.Verify(t.Context(), issuer.Mint(header, claims))
	if err != nil {
		t.Fatal(err)
	}
	if s := got.Scopes().String(); s != "a:b c:d" {
		t.Errorf("got scopes %q, want %q", s, "a:b c:d")
	}
	_, err = newVerifier(t, issuer, nil).Verify(t.Context(), issuer.Mint(header, claims))
	if !errors.Is(err, bearer.WrongType) || !strings.Contains(err.Error(), "Profile") {
		t.Errorf("got error %v, want reason %q and Profile in the text", err, bearer.WrongType)
	}
}

// TestScopeForms tests the forms of a scope claim. A malformed claim grants no scopes, and
// the token is still valid.
func TestScopeForms(t *testing.T) {
	issuer := newIssuer(t)
	strict := newVerifier(t, issuer, nil)
	lax := newVerifier(t, issuer, func(cfg *bearer.Config) { cfg.Profile = bearer.Profile{Scopes: []string{"scope", "scp"}} })
	for _, row := range []struct {
		name, scope, scp  string
		want, wantWithScp string
	}{
		{"scope is a string", `"a b"`, ``, "a b", "a b"},
		{"scope is an array", `["a","b"]`, ``, "", "a b"},
		{"token contains scope and scp", `"a b"`, `["b","c"]`, "a b", "a b c"},
		{"token contains only scp", ``, `"a"`, "", "a"},
		{"scope is empty", `""`, ``, "", ""},
		{"two spaces between scopes", `"a  b"`, ``, "a b", "a b"},
		{"leading space", `" a"`, ``, "a", "a"},
		{"trailing spaces", `"a  "`, ``, "a", "a"},
		{"only spaces", `"  "`, ``, "", ""},
		{"tab between scopes", `"a\tb"`, ``, "", ""},
		{"comma in a scope", `"a,b"`, ``, "a,b", "a,b"},
		{"no-break space between scopes", `"a\u00a0b"`, ``, "", ""},
		{"quotation mark in a scope", `"a\"b"`, ``, "", ""},
		{"array with a space in an element", `["a b"]`, ``, "", ""},
		{"array with a space in one of two elements", `["a b","c"]`, ``, "", "c"},
		{"array with a number", `["a",1]`, ``, "", "a"},
		{"array with an empty string", `["","a"]`, ``, "", "a"},
		{"scope is null", `null`, ``, "", ""},
		{"scope is a number", `1`, ``, "", ""},
		{"scope is an object", `{"a":true}`, ``, "", ""},
	} {
		claims := members{}
		for name, text := range map[string]string{"scope": row.scope, "scp": row.scp} {
			if text != "" {
				claims[name] = raw(text)
			}
		}
		for v, want := range map[*bearer.JWTVerifier]string{strict: row.want, lax: row.wantWithScp} {
			got, err := v.Verify(t.Context(), issuer.Token(claims))
			if err != nil {
				t.Errorf("%s: got error %v, want none", row.name, err)
			} else if got.Scopes().String() != want {
				t.Errorf("%s: got scopes %q, want %q", row.name, got.Scopes(), want)
			}
		}
	}
}
