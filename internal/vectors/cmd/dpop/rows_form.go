package main

import (
	"fmt"
	"strings"
)

// bad returns a case whose request has a bound token and a wrong proof.
func bad(name, rules string, proofs func(e *env, token string) []string) testCase {
	return single(name, rules, "proof", proofs)
}

// good returns a case whose request is allowed.
func good(name, rules string, proofs func(e *env, token string) []string) testCase {
	return single(name, rules, "", proofs)
}

func single(name, rules, reason string, proofs func(e *env, token string) []string) testCase {
	return testCase{name: name, rules: rules, requests: func(e *env) []Request {
		token := e.token(e.m.client, nil)
		return []Request{want(e.request("DPoP "+token, proofs(e, token)...), reason)}
	}}
}

// want sets the reason and the error code that belongs to it.
func want(r Request, reason string) Request {
	r.Reason = reason
	r.Code = map[string]string{
		"": "", "proof": "invalid_dpop_proof", "proof_nonce": "use_dpop_nonce", "binding": "invalid_token", "request": "invalid_request",
		"scope": "insufficient_scope", "no_token": "",
	}[reason]
	if r.Code == "" && reason != "" && reason != "no_token" {
		r.Code = "invalid_token"
	}
	return r
}

func onlyHTTP(c testCase) testCase { c.only = "http"; return c }

// fieldRows are cases of the field DPoP (DP01, DP02).
func fieldRows() (all []testCase) {
	all = append(all,
		good("field/one proof", "DP01 DP10", func(e *env, token string) []string { return []string{e.proof(e.m.client, token, nil, nil)} }),
		bad("field/none", "DP15", func(*env, string) []string { return nil }),
	)
	for name, change := range map[string]func(p string) string{
		"quoted":           func(p string) string { return `"` + p + `"` },
		"comma at the end": func(p string) string { return p + "," },
		"semicolon":        func(p string) string { return p + ";" },
		"padding":          func(p string) string { return p + "=" },
		"space inside":     func(p string) string { return strings.Replace(p, ".", ". ", 1) },
		"scheme in front":  func(p string) string { return "DPoP " + p },
		"one part":         func(p string) string { return strings.ReplaceAll(p, ".", "") },
		"two parts":        func(p string) string { return p[:strings.LastIndexByte(p, '.')] },
		"four parts":       func(p string) string { return p + ".x" },
		"five parts":       func(p string) string { return p + ".x.x" },
		"no signature":     func(p string) string { return p[:strings.LastIndexByte(p, '.')+1] },
		"plus sign":        func(p string) string { return "+" + p[1:] },
		"8193 bytes":       func(p string) string { return p + strings.Repeat("A", 8193-len(p)) },
		"9 KiB of garbage": func(string) string { return strings.Repeat("A", 9<<10) },
		"word":             func(string) string { return "null" },
		"dots":             func(string) string { return ".." },
	} {
		c := bad("field/"+name, "DP01", func(e *env, token string) []string { return []string{change(e.proof(e.m.client, token, nil, nil))} })
		if strings.Contains(name, "KiB") {
			c = onlyHTTP(c) // servers of gRPC limit the size of metadata
		}
		all = append(all, c)
	}
	for name, text := range map[string]string{"not ASCII": "\u00e9", "tab inside": "\t", "DEL": "\x7f"} {
		all = append(all, onlyHTTP(bad("field/"+name, "DP01", func(e *env, token string) []string {
			return []string{strings.Replace(e.proof(e.m.client, token, nil, nil), ".", text+".", 1)}
		})))
	}
	for name, join := range map[string]func(a, b string) []string{
		"two fields":             func(a, b string) []string { return []string{a, b} },
		"the same field twice":   func(a, _ string) []string { return []string{a, a} },
		"empty second field":     func(a, _ string) []string { return []string{a, ""} },
		"empty first field":      func(a, _ string) []string { return []string{"", a} },
		"joined by a comma":      func(a, b string) []string { return []string{a + "," + b} },
		"joined by comma, space": func(a, b string) []string { return []string{a + ", " + b} },
		"joined with garbage":    func(a, _ string) []string { return []string{a + ", x"} },
		"three fields":           func(a, b string) []string { return []string{a, b, a} },
	} {
		all = append(all, bad("field/"+name, "DP02", func(e *env, token string) []string {
			return join(e.proof(e.m.client, token, nil, nil), e.proof(e.m.client, token, nil, nil))
		}))
	}
	return all
}

// headerRows are cases of the header (DP03, DP04, DP12).
func headerRows() (all []testCase) {
	header := func(name, rules, reason string, changes object) {
		all = append(all, single("header/"+name, rules, reason, func(e *env, token string) []string {
			return []string{e.proof(e.m.client, token, changes, nil)}
		}))
	}
	header("kid and another member", "DP03", "", object{"kid": "x", "foo": 1})
	for name, value := range map[string]any{"x5c": []string{"AA"}, "jku": "https://evil.example/keys", "x5u": "https://evil.example/cert", "x5t": "AA"} {
		header(name+" is not looked at", "DP03", "", object{name: value})
	}
	header("crit", "DP03", "proof", object{"crit": []string{"exp"}, "exp": 1})
	header("b64 is false", "DP03", "proof", object{"b64": false})
	for name, jwk := range map[string]any{"missing": nil, "null": null, "text": "x", "list": []any{}, "empty": object{}, "number": 1} {
		header("jwk is "+name, "DP03", "proof", object{"jwk": jwk})
	}
	for _, typ := range []string{"DPOP+JWT", "application/dpop+jwt", "Application/DPoP+JWT", "dPoP+jwt"} {
		header("typ "+typ, "DP04", "", object{"typ": typ})
	}
	for _, typ := range []string{
		"JWT", "jwt", "at+jwt", "application/at+jwt", "dpop", "dpop+jwt ", "dpop-jwt", "dpop+jws", "text/dpop+jwt", "statuslist+jwt", "secevent+jwt",
		"token-introspection+jwt", "logout+jwt", "txntoken+jwt", "oauth-id-jag+jwt", "JOSE",
	} {
		header("typ "+typ, "DP04", "proof", object{"typ": typ})
	}
	for name, typ := range map[string]any{"missing": nil, "null": null, "number": 1, "list": []string{"dpop+jwt"}, "empty": ""} {
		header("typ is "+name, "DP04", "proof", object{"typ": typ})
	}
	for name, alg := range map[string]any{"missing": nil, "null": null, "number": 256, "empty": "", "list": []string{"ES256"}} {
		header("alg is "+name, "DP06", "proof", object{"alg": alg})
	}
	for name, change := range map[string]func(text string) string{
		"typ twice":          func(text string) string { return `{"typ":"dpop+jwt",` + text[1:] },
		"alg twice":          func(text string) string { return `{"alg":"ES256",` + text[1:] },
		"jwk twice":          func(text string) string { return `{"jwk":{},` + text[1:] },
		"kty twice":          func(text string) string { return strings.Replace(text, `"kty":"EC"`, `"kty":"EC","kty":"EC"`, 1) },
		"escaped second alg": func(text string) string { return `{"\u0061lg":"ES256",` + text[1:] },
		"text after it":      func(text string) string { return text + "x" },
		"two objects":        func(text string) string { return text + "{}" },
		"list":               func(text string) string { return "[" + text + "]" },
		"not JSON":           func(text string) string { return text[1:] },
		"empty":              func(string) string { return "" },
	} {
		all = append(all, bad("header/"+name, "DP12", func(e *env, token string) []string {
			header := e.header(e.m.client)
			return []string{signText(e.m.client.priv, header, change(marshal(header)), marshal(e.claims(token)))}
		}))
	}
	all = append(all, bad("header/the access token as proof", "DP04", func(_ *env, token string) []string { return []string{token} }))
	return all
}

// keyRows are cases of the key in the header (DP05 to DP08).
func keyRows() (all []testCase) {
	add := func(name, rules, reason string, use func(m *maker) *key, header func(k *key) object) {
		all = append(all, testCase{name: "key/" + name, rules: rules, requests: func(e *env) []Request {
			k := use(e.m)
			token := e.token(k, nil)
			var changes object
			if header != nil {
				changes = header(k)
			}
			return []Request{want(e.request("DPoP "+token, e.proof(k, token, changes, nil)), reason)}
		}})
	}
	client := func(m *maker) *key { return m.client }
	rsaKey := func(m *maker) *key { return m.rsa }
	changed := func(changes object) func(k *key) object {
		return func(k *key) object {
			jwk := object{}
			for name, value := range k.jwk {
				jwk[name] = value
			}
			return object{"jwk": with(jwk, changes)}
		}
	}
	for _, name := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
		for kind, value := range map[string]any{"text": "AQAB", "number": 1, "empty": ""} {
			add("private member "+name+", "+kind, "DP05", "proof", client, changed(object{name: value}))
		}
	}
	add("symmetric", "DP05 DP06", "proof", client, func(*key) object { return object{"alg": "HS256", "jwk": object{"kty": "oct", "k": "AQAB"}} })
	add("Ed25519, EdDSA", "DP06", "", func(m *maker) *key { return m.ed }, nil)
	add("Ed25519, alg Ed25519", "DP06", "", func(m *maker) *key { return m.ed }, func(*key) object { return object{"alg": "Ed25519"} })
	add("RSA, PS256", "DP06", "", rsaKey, nil)
	add("RSA, RS256", "DP06", "", rsaKey, func(*key) object { return object{"alg": "RS256"} })
	add("RSA 4096", "DP06", "", func(m *maker) *key { return m.big }, nil)
	add("RSA 1024", "DP06", "proof", func(m *maker) *key { return m.small }, nil)
	add("alg not accepted", "DP06", "proof", func(m *maker) *key { return m.p384 }, nil)
	for _, alg := range []string{"none", "None", "HS256", "RS256", "PS256", "EdDSA", "ES384", "ES512", "ES256K", "es256", "RS1", "dir"} {
		add("P-256, alg "+alg, "DP06", "proof", client, func(*key) object { return object{"alg": alg} })
	}
	add("P-384 with ES256", "DP06", "proof", func(m *maker) *key { return m.p384 }, func(*key) object { return object{"alg": "ES256"} })
	for name, changes := range map[string]object{
		"e is 1": {"e": "AQ"}, "e is even": {"e": "AAEAAg"[2:]}, "e is large": {"e": "AQAAAAAB"}, "n is 16384 bits": {"n": strings.Repeat("_", 2731)},
		"n is even": {"n": strings.Repeat("_", 341) + "w"}, "n is empty": {"n": ""}, "n has a leading zero": {"n": "AA" + strings.Repeat("_", 340)}, "e has a leading zero": {"e": "AAEAAQ"},
		"n is a number": {"n": 1}, "no e": {"e": nil},
	} {
		add("RSA, "+name, "DP06 DP08", map[bool]string{true: "binding", false: "proof"}[name == "n is even"], rsaKey, changed(changes))
	}
	for name, changes := range map[string]object{"alg, use and kid": {"alg": "ES256", "use": "sig", "kid": "x"}, "key_ops and another member": {"key_ops": []string{"verify"}, "foo": "bar"}} {
		add("further members: "+name, "DP07", "", client, changed(changes))
	}
	for name, change := range map[string]func(x string) any{
		"padded":           func(x string) any { return x + "=" },
		"short":            func(x string) any { return x[:42] },
		"with zero octets": func(x string) any { return "AAAA" + x },
		"hex":              func(string) any { return strings.Repeat("0a", 32) },
		"null":             func(string) any { return null },
		"missing":          func(string) any { return nil },
		"list":             func(x string) any { return []string{x} },
		"other last bits": func(x string) any {
			return x[:42] + string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", x[42])|1])
		},
	} {
		add("x "+name, "DP08", "proof", client, func(k *key) object { return changed(object{"x": change(fmt.Sprint(k.jwk["x"]))})(k) })
	}
	add("kty in lower case", "DP08", "proof", client, changed(object{"kty": "ec"}))
	add("no crv", "DP08", "proof", client, changed(object{"crv": nil}))
	add("crv of secp256k1", "DP06", "proof", client, changed(object{"crv": "secp256k1"}))
	all = append(all, testCase{name: "key/other key than the token", rules: "DP15 DP09", requests: func(e *env) []Request {
		token := e.token(e.m.client, nil)
		return []Request{want(e.request("DPoP "+token, e.proof(e.m.thief, token, nil, nil)), "binding")}
	}})
	all = append(all, testCase{name: "key/thumbprint of all members", rules: "DP07", requests: func(e *env) []Request {
		jwk := object{"alg": "ES256"}
		for name, value := range e.m.client.jwk {
			jwk[name] = value
		}
		token := e.token(nil, object{"cnf": object{"jkt": hashText(marshal(jwk))}})
		return []Request{want(e.request("DPoP "+token, e.proof(e.m.client, token, object{"jwk": jwk}, nil)), "binding")}
	}})
	all = append(all, bad("key/signed by another key", "DP06", func(e *env, token string) []string {
		return []string{sign(e.m.thief.priv, e.header(e.m.client), e.claims(token))}
	}))
	all = append(all, bad("key/signature of other claims", "DP06", func(e *env, token string) []string {
		first, second := e.proof(e.m.client, token, nil, nil), e.proof(e.m.client, token, nil, nil)
		return []string{first[:strings.LastIndexByte(first, '.')] + second[strings.LastIndexByte(second, '.'):]}
	}))
	return all
}
