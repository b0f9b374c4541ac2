package main

import (
	"strings"
)

// claimRows are cases of the claims of a proof (DP10, DP12, DP14, HT10).
func claimRows() (all []testCase) {
	claim := func(name, rules, reason string, changes object) {
		all = append(all, single("claims/"+name, rules, reason, func(e *env, token string) []string {
			return []string{e.proof(e.m.client, token, nil, changes)}
		}))
	}
	for _, name := range []string{"jti", "htm", "htu", "iat", "ath"} {
		claim(name+" is missing", "DP10", "proof", object{name: nil})
		claim(name+" is null", "DP10", "proof", object{name: null})
		claim(name+" is a list", "DP10", "proof", object{name: []any{1}})
		claim(name+" is true", "DP10", "proof", object{name: true})
	}
	for _, name := range []string{"jti", "htm", "htu", "ath"} {
		claim(name+" is a number", "DP10", "proof", object{name: 1})
		claim(name+" is empty", "DP10", "proof", object{name: ""})
	}
	claim("iat is a string", "DP10", "proof", object{"iat": "946684800"})
	claim("jti of 256 bytes", "DP10", "", object{"jti": strings.Repeat("j", 256)})
	claim("jti of 257 bytes", "DP10", "proof", object{"jti": strings.Repeat("j", 257)})
	claim("jti with other letters", "DP10", "", object{"jti": "\u00e9\u4e16\n"})
	claim("other claims", "DP11", "", object{"iss": "x", "aud": "y", "sub": 1, "foo": object{}})
	claim("nonce of a different service", "DP11", "", object{"nonce": "x"})
	for name, ath := range map[string]any{
		"of a different token": "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo", "in hex": strings.Repeat("0a", 32), "with one character": "x",
	} {
		claim("ath "+name, "DP14", "proof", object{"ath": ath})
	}
	for name, change := range map[string]func(ath string) any{
		"padded":     func(ath string) any { return ath + "=" },
		"in a list":  func(ath string) any { return []string{ath} },
		"cut":        func(ath string) any { return ath[:42] },
		"lower case": func(ath string) any { return strings.ToLower(ath) },
	} {
		all = append(all, bad("claims/ath "+name, "DP14", func(e *env, token string) []string {
			ath, _ := e.claims(token)["ath"].(string)
			return []string{e.proof(e.m.client, token, nil, object{"ath": change(ath)})}
		}))
	}
	for _, method := range []string{"DELETE", "PATCH", "HEAD", "get", "post", "Get", "GET ", "GET,POST", "*"} {
		claim("htm "+method, "HT10", "proof", object{"htm": method})
	}
	all = append(all, testCase{name: "claims/HEAD with a proof for GET", rules: "HT10", only: "http", requests: func(e *env) []Request {
		token := e.token(e.m.client, nil)
		r := e.request("DPoP "+token, e.proof(e.m.client, token, nil, nil))
		r.Method = "HEAD"
		return []Request{want(r, "proof")}
	}})
	for name, change := range map[string]func(text string) string{
		"htu twice":         func(text string) string { return `{"htu":"https://evil.example/",` + text[1:] },
		"htm twice":         func(text string) string { return `{"htm":"DELETE",` + text[1:] },
		"jti twice":         func(text string) string { return `{"jti":"x",` + text[1:] },
		"iat twice":         func(text string) string { return `{"iat":1,` + text[1:] },
		"ath twice":         func(text string) string { return `{"ath":"x",` + text[1:] },
		"escaped htu":       func(text string) string { return `{"\u0068tu":"x",` + text[1:] },
		"text after it":     func(text string) string { return text + "x" },
		"list":              func(text string) string { return "[" + text + "]" },
		"not JSON":          func(text string) string { return text[1:] },
		"invalid UTF-8":     func(text string) string { return strings.Replace(text, `"jti":"`, "\"jti\":\"\xff", 1) },
		"number of 1e400":   func(text string) string { return strings.Replace(text, `"iat":946684800`, `"iat":1e400`, 1) },
		"empty":             func(string) string { return "" },
		"byte order mark":   func(text string) string { return "\ufeff" + text },
		"unpaired half":     func(text string) string { return strings.Replace(text, `"jti":"`, `"jti":"\ud800`, 1) },
		"names in capitals": func(text string) string { return strings.Replace(text, `"htu"`, `"HTU"`, 1) },
	} {
		all = append(all, bad("claims/"+name, "DP12", func(e *env, token string) []string {
			header := e.header(e.m.client)
			return []string{signText(e.m.client.priv, header, marshal(header), change(marshal(e.claims(token))))}
		}))
	}
	return all
}

// timeRows are cases of the times (DP11, DP13).
func timeRows() (all []testCase) {
	at := func(name, rules, reason string, changes object) {
		all = append(all, single("time/"+name, rules, reason, func(e *env, token string) []string {
			return []string{e.proof(e.m.client, token, nil, changes)}
		}))
	}
	now := float64(clock.Unix())
	for name, row := range map[string]struct {
		iat    float64
		reason string
	}{
		"iat now": {now, ""}, "iat 60 s ago": {now - 60, ""}, "iat 61 s ago": {now - 61, "proof"}, "iat 60.5 s ago": {now - 60.5, "proof"},
		"iat 59.5 s ago": {now - 59.5, ""}, "iat in 10 s": {now + 10, ""}, "iat in 11 s": {now + 11, "proof"}, "iat in 9.5 s": {now + 9.5, ""},
		"iat an hour ago": {now - 3600, "proof"}, "iat in an hour": {now + 3600, "proof"}, "iat zero": {0, "proof"}, "iat negative": {-1, "proof"},
		"iat in milliseconds": {now * 1000, "proof"}, "iat 1e300": {1e300, "proof"},
	} {
		at(name, "DP13", row.reason, object{"iat": row.iat})
	}
	for name, row := range map[string]struct {
		changes object
		reason  string
	}{
		"exp later": {object{"exp": now + 1}, ""}, "exp now": {object{"exp": now}, "proof"}, "exp past": {object{"exp": now - 1}, "proof"},
		"exp a string": {object{"exp": "1"}, "proof"}, "exp null": {object{"exp": null}, "proof"},
		"nbf past": {object{"nbf": now - 1}, ""}, "nbf in 10 s": {object{"nbf": now + 10}, ""}, "nbf in 11 s": {object{"nbf": now + 11}, "proof"},
		"nbf a string": {object{"nbf": "1"}, "proof"},
	} {
		at(name, "DP11", row.reason, row.changes)
	}
	return all
}

// tokenRows are cases of the token, its "cnf" and the scheme (DP09, DP15, DP20 to DP23, DP40, P05).
func tokenRows() (all []testCase) {
	add := func(name, rules, setup string, request func(e *env) Request) {
		all = append(all, testCase{name: "token/" + name, rules: rules, setup: setup, requests: func(e *env) []Request { return []Request{request(e)} }})
	}
	withToken := func(scheme, reason string, token func(e *env) string) func(e *env) Request {
		return func(e *env) Request {
			text := token(e)
			return want(e.request(scheme+text, e.proof(e.m.client, text, nil, nil)), reason)
		}
	}
	bound := func(changes object) func(e *env) string {
		return func(e *env) string { return e.token(e.m.client, changes) }
	}
	for _, scheme := range []string{"dpop ", "DPOP ", "dPoP ", "DPoP  ", "DPoP    "} {
		add("scheme "+scheme, "DP22", "", withToken(scheme, "", bound(nil)))
	}
	for _, scheme := range []string{"Bearer ", "bearer ", "BEARER "} {
		add("downgrade to "+scheme+"with a proof", "DP21", "", withToken(scheme, "binding", bound(nil)))
		add("downgrade to "+scheme+"without a proof", "DP21", "", func(e *env) Request { return want(e.request(scheme+e.token(e.m.client, nil)), "binding") })
		add("downgrade to "+scheme+"in report-only mode", "DP21", "report-only", withToken(scheme, "binding", bound(object{"scope": nil})))
		add("downgrade to "+scheme+"in optional mode", "DP21 DP23", "optional", withToken(scheme, "binding", bound(nil)))
	}
	add("unbound with the scheme DPoP", "DP15", "", withToken("DPoP ", "binding", func(e *env) string { return e.token(nil, nil) }))
	add("unbound as Bearer", "DP22", "", func(e *env) Request { return want(e.request("Bearer "+e.token(nil, nil)), "") })
	add("unbound as Bearer, with a proof", "DP22", "", withToken("Bearer ", "", func(e *env) string { return e.token(nil, nil) }))
	add("unbound as Bearer, with garbage as a proof", "DP22", "", func(e *env) Request { return want(e.request("Bearer "+e.token(nil, nil), "garbage"), "") })
	add("unbound as Bearer, with two proofs", "DP22", "", func(e *env) Request { return want(e.request("Bearer "+e.token(nil, nil), "a", "b"), "") })
	add("bound tokens are required, unbound token", "DP20", "required", func(e *env) Request { return want(e.request("Bearer "+e.token(nil, nil)), "binding") })
	add("bound tokens are required, bound token", "DP20", "required", withToken("DPoP ", "", bound(nil)))
	add("no bindings, bound token", "P05 DP21", "none", func(e *env) Request { return want(e.request("Bearer "+e.token(e.m.client, nil)), "binding") })
	add("no bindings, scheme DPoP", "DP22", "none", withToken("DPoP ", "no_token", bound(nil)))
	add("proof alone", "DP23", "", func(e *env) Request { return want(e.request("", e.proof(e.m.client, "", nil, nil)), "no_token") })
	add("proof alone in optional mode", "DP23", "optional", func(e *env) Request { return want(e.request("", e.proof(e.m.client, "", nil, nil)), "") })
	add("bad proof in optional mode", "DP23", "optional", func(e *env) Request { return want(e.request("DPoP "+e.token(e.m.client, nil), "x"), "proof") })
	add("no proof in report-only mode", "DP21", "report-only", func(e *env) Request {
		return want(e.request("DPoP "+e.token(e.m.client, object{"scope": nil})), "proof")
	})
	add("two tokens in a list", "DP18", "", func(e *env) Request {
		token := e.token(e.m.client, nil)
		return want(e.request("Bearer "+e.token(nil, nil)+", DPoP "+token, e.proof(e.m.client, token, nil, nil)), "request")
	})
	add("two fields", "DP18", "", func(e *env) Request {
		token := e.token(e.m.client, nil)
		r := e.request("Bearer "+e.token(nil, nil), e.proof(e.m.client, token, nil, nil))
		r.Authorization = append(r.Authorization, "DPoP "+token)
		return want(r, "request")
	})
	add("token with a space", "DP22", "", func(e *env) Request { return want(e.request("DPoP a b"), "request") })
	add("proof as the token", "DP04", "", func(e *env) Request {
		text := e.proof(e.m.client, "", nil, nil)
		return want(e.request("DPoP "+text, e.proof(e.m.client, text, nil, nil)), "issuer")
	})
	for name, row := range map[string]struct {
		claims object
		reason string
	}{
		"expired": {object{"exp": clock.Unix() - 1}, "expired"}, "other audience": {object{"aud": "other"}, "audience"}, "other issuer": {object{"iss": "https://evil.example"}, "issuer"},
		"no client_id": {object{"client_id": nil}, "claims"},
	} {
		add(name+", with a good proof", "DP09 DP15", "", withToken("DPoP ", row.reason, bound(row.claims)))
		add(name+", with a bad proof", "DP09 DP15", "", func(e *env) Request { return want(e.request("DPoP "+e.token(e.m.client, row.claims), "x"), row.reason) })
	}
	add("forged, with a good proof", "DP40 DP09", "", withToken("DPoP ", "signature", func(e *env) string { return e.signToken(e.m.attacker, e.m.client, nil) }))
	for name, cnf := range map[string]any{
		"x5t#S256": object{"x5t#S256": "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0"}, "jwk": object{"jwk": object{"kty": "EC"}}, "kid": object{"kid": "x"}, "jku": object{"jku": "https://evil.example"},
		"unknown member": object{"foo": "bar"}, "empty": object{}, "text": "jkt", "null": null, "list": []string{"jkt"}, "number": 1,
		"JKT": object{"JKT": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}, "jkt is a number": object{"jkt": 1}, "jkt is null": object{"jkt": nil}, "jkt is empty": object{"jkt": ""},
		"jkt is a list": object{"jkt": []string{"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}}, "jkt of another key": object{"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"},
	} {
		add("cnf: "+name, "P05", "", withToken("DPoP ", "binding", bound(object{"cnf": cnf})))
		add("cnf: "+name+", as Bearer", "P05 DP21", "", withToken("Bearer ", "binding", bound(object{"cnf": cnf})))
	}
	for name, change := range map[string]func(jkt string) any{
		"jkt is padded":      func(jkt string) any { return object{"jkt": jkt + "="} },
		"jkt is cut":         func(jkt string) any { return object{"jkt": jkt[:42]} },
		"jkt and x5t#S256":   func(jkt string) any { return object{"jkt": jkt, "x5t#S256": jkt} },
		"jkt and kid":        func(jkt string) any { return object{"jkt": jkt, "kid": "x"} },
		"jkt in upper case":  func(jkt string) any { return object{"jkt": strings.ToUpper(jkt)} },
		"jkt with a newline": func(jkt string) any { return object{"jkt": jkt + "\n"} },
	} {
		add("cnf: "+name, "P05", "", withToken("DPoP ", "binding", func(e *env) string {
			return e.token(nil, object{"cnf": change(thumbprint(e.m.client.jwk))})
		}))
	}
	return all
}
