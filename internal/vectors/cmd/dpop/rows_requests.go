package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/bearerkit/bearer/internal/proof"
)

// sequenceRows are cases with several requests (DP24 to DP28).
func sequenceRows() (all []testCase) {
	add := func(name, rules, setup string, requests func(e *env) []Request) {
		all = append(all, testCase{name: "replay/" + name, rules: rules, setup: setup, requests: requests})
	}
	for _, after := range []float64{0, 1, 30, 59.5, 60} {
		add(fmt.Sprintf("the same proof after %v s", after), "DP25 DP26", "", func(e *env) []Request {
			token := e.token(e.m.client, nil)
			first := e.request("DPoP "+token, e.proof(e.m.client, token, nil, nil))
			second := first
			second.After = after
			return []Request{want(first, ""), want(second, "proof")}
		})
	}
	add("a proof from the future, at the end of its window", "DP25", "", func(e *env) []Request {
		token := e.token(e.m.client, nil)
		first := e.request("DPoP "+token, e.proof(e.m.client, token, nil, object{"iat": clock.Unix() + 10}))
		second := first
		second.After = 70
		return []Request{want(first, ""), want(second, "proof")}
	})
	add("the same jti in a new proof", "DP24", "", func(e *env) []Request {
		token := e.token(e.m.client, nil)
		id := object{"jti": "same"}
		return []Request{want(e.request("DPoP "+token, e.proof(e.m.client, token, nil, id)), ""), want(e.request("DPoP "+token, e.proof(e.m.client, token, nil, id)), "proof")}
	})
	add("the same jti for another token of the same key", "DP24", "", func(e *env) []Request {
		id := object{"jti": "same"}
		var all []Request
		for i := range 2 {
			token := e.token(e.m.client, nil)
			all = append(all, want(e.request("DPoP "+token, e.proof(e.m.client, token, nil, id)), []string{"", "proof"}[i]))
		}
		return all
	})
	add("the same jti under another key", "DP24", "", func(e *env) []Request {
		id := object{"jti": "same"}
		var all []Request
		for _, k := range []*key{e.m.client, e.m.thief} {
			token := e.token(k, nil)
			all = append(all, want(e.request("DPoP "+token, e.proof(k, token, nil, id)), ""))
		}
		return all
	})
	add("another spelling of the last character", "DP24", "", func(e *env) []Request {
		token := e.token(e.m.client, nil)
		text := e.proof(e.m.client, token, nil, nil)
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		last := strings.IndexByte(alphabet, text[len(text)-1])
		other := text[:len(text)-1] + string(alphabet[last|1])
		return []Request{want(e.request("DPoP "+token, text), ""), want(e.request("DPoP "+token, other), "proof")}
	})
	for name, spoil := range map[string]func(e *env, r *Request, token string){
		"no token":               func(_ *env, r *Request, _ string) { r.Authorization = nil },
		"downgrade":              func(_ *env, r *Request, token string) { r.Authorization = []string{"Bearer " + token} },
		"another token":          func(e *env, r *Request, _ string) { r.Authorization = []string{"DPoP " + e.token(e.m.client, nil)} },
		"another client's token": func(e *env, r *Request, _ string) { r.Authorization = []string{"DPoP " + e.token(e.m.thief, nil)} },
		"two proofs":             func(_ *env, r *Request, _ string) { r.Proofs = append(r.Proofs, r.Proofs[0]) },
	} {
		add("not used up by a refused request: "+name, "DP27", "", func(e *env) []Request {
			token := e.token(e.m.client, nil)
			second := e.request("DPoP "+token, e.proof(e.m.client, token, nil, nil))
			first := second
			spoil(e, &first, token)
			reason := map[string]string{"no token": "no_token", "downgrade": "binding", "another token": "proof", "another client's token": "binding", "two proofs": "proof"}[name]
			return []Request{want(first, reason), want(second, "")}
		})
	}
	add("not used up by a request to another target", "DP27", "", func(e *env) []Request {
		token := e.token(e.m.client, nil)
		second := e.request("DPoP "+token, e.proof(e.m.client, token, nil, nil))
		first := second
		first.Target += "Other"
		return []Request{want(first, "proof"), want(second, "")}
	})
	add("used up by a request without the scope", "DP28", "", func(e *env) []Request {
		token := e.token(e.m.client, object{"scope": "other"})
		r := e.request("DPoP "+token, e.proof(e.m.client, token, nil, nil))
		return []Request{want(r, "scope"), want(r, "proof")}
	})
	add("not remembered by a gateway that only checks", "DP38", "skip-replays", func(e *env) []Request {
		token := e.token(e.m.client, nil)
		r := e.request("DPoP "+token, e.proof(e.m.client, token, nil, nil))
		return []Request{want(r, ""), want(r, "")}
	})
	add("wrong proof at a gateway that only checks", "DP38", "skip-replays", func(e *env) []Request {
		token := e.token(e.m.client, nil)
		return []Request{want(e.request("DPoP "+token, e.proof(e.m.client, token, nil, object{"htm": "DELETE"})), "proof")}
	})
	return all
}

// nonceKey is the key of the setup "nonce". It is in the tests too, and not secret.
const nonceKey = "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"

// nonceRows are cases of nonces (DP32 to DP35).
func nonceRows() (all []testCase) {
	nonce := func(scope string, key string, after time.Duration) string {
		return proof.NewNonces(time.Minute, scope, []byte(key)).Make(clock.Add(after))
	}
	const scope = "https://api.example"
	add := func(name, rules, reason string, after float64, claims func() object) {
		all = append(all, testCase{name: "nonce/" + name, rules: rules, setup: "nonce", requests: func(e *env) []Request {
			token := e.token(e.m.client, nil)
			r := e.request("DPoP "+token, e.proof(e.m.client, token, nil, claims()))
			r.After = after
			return []Request{want(r, reason)}
		}})
	}
	value := func(v any) func() object { return func() object { return object{"nonce": v} } }
	add("none", "DP34", "proof_nonce", 0, value(nil))
	add("current", "DP33", "", 0, value(nonce(scope, nonceKey, 0)))
	add("previous period", "DP33", "", 61, value(nonce(scope, nonceKey, 0)))
	add("two periods old", "DP33", "proof_nonce", 121, value(nonce(scope, nonceKey, 0)))
	add("of a replica whose clock is ahead", "DP33", "", 0, value(nonce(scope, nonceKey, time.Minute)))
	add("from the future", "DP33", "proof_nonce", 0, value(nonce(scope, nonceKey, 3*time.Minute)))
	add("of a different API", "DP33", "proof_nonce", 0, value(nonce("https://other.example", nonceKey, 0)))
	add("made with another key", "DP32 DP33", "proof_nonce", 0, value(nonce(scope, strings.Repeat("x", 32), 0)))
	add("of an issuer", "DP33", "proof_nonce", 0, value("eyJ7S_zG.eyJH0-Z.HX4w-7v"))
	add("a number", "DP32", "proof", 0, value(1))
	add("empty", "DP32", "proof", 0, value(""))
	add("a list", "DP32", "proof", 0, value([]string{nonce(scope, nonceKey, 0)}))
	add("null", "DP32", "proof", 0, value(null))
	add("cut", "DP32", "proof_nonce", 0, value(nonce(scope, nonceKey, 0)[:20]))
	add("clock of the client a day behind", "DP35", "", 0, func() object {
		return object{"nonce": nonce(scope, nonceKey, 0), "iat": clock.Unix() - 86400}
	})
	all = append(all, testCase{name: "nonce/the same proof while its nonce is valid", rules: "DP25 DP35", setup: "nonce", requests: func(e *env) []Request {
		token := e.token(e.m.client, nil)
		first := e.request("DPoP "+token, e.proof(e.m.client, token, nil, object{"nonce": nonce(scope, nonceKey, time.Minute)}))
		second, third := first, first
		second.After, third.After = 60, 179
		return []Request{want(first, ""), want(second, "proof"), want(third, "proof")}
	}})
	all = append(all, testCase{name: "nonce/a bad proof without a nonce", rules: "DP15 DP27", setup: "nonce", requests: func(e *env) []Request {
		token := e.token(e.m.client, nil)
		return []Request{want(e.request("DPoP "+token, e.proof(e.m.client, token, nil, object{"htu": "https://evil.example/"})), "proof")}
	}})
	return all
}

// targetRows are cases of "htu" over HTTP (HT01 to HT12).
func targetRows() (all []testCase) {
	for name, row := range map[string]struct {
		rules, setup, target, htu, reason string
		change                            func(r *Request)
	}{
		"query in htu":                   {rules: "HT02", target: "/orders", htu: "https://api.example/orders?a=b"},
		"fragment in htu":                {rules: "HT02", target: "/orders", htu: "https://api.example/orders#c"},
		"query in the request":           {rules: "HT02", target: "/orders?a=b&c", htu: "https://api.example/orders"},
		"other query":                    {rules: "HT02", target: "/orders?a=b", htu: "https://api.example/orders?x"},
		"scheme and host in capitals":    {rules: "HT03", target: "/orders", htu: "HTTPS://API.EXAMPLE/orders"},
		"default port":                   {rules: "HT03", target: "/orders", htu: "https://api.example:443/orders"},
		"empty port":                     {rules: "HT03", target: "/orders", htu: "https://api.example:/orders"},
		"port 80":                        {rules: "HT03", target: "/orders", htu: "https://api.example:80/orders", reason: "proof"},
		"port 8443":                      {rules: "HT03", target: "/orders", htu: "https://api.example:8443/orders", reason: "proof"},
		"escape in lower case":           {rules: "HT03", target: "/a%2Fb", htu: "https://api.example/a%2fb"},
		"escaped slash is no slash":      {rules: "HT01 HT03", target: "/a%2Fb", htu: "https://api.example/a/b", reason: "proof"},
		"slash is no escaped slash":      {rules: "HT01 HT03", target: "/a/b", htu: "https://api.example/a%2Fb", reason: "proof"},
		"escaped letter":                 {rules: "HT03", target: "/orders", htu: "https://api.example/%6Frders"},
		"escaped letter in the request":  {rules: "HT03", target: "/%6Frders", htu: "https://api.example/orders"},
		"dot segments in htu":            {rules: "HT03", target: "/orders", htu: "https://api.example/a/../orders"},
		"slash at the end":               {rules: "HT03", target: "/orders", htu: "https://api.example/orders/", reason: "proof"},
		"two slashes":                    {rules: "HT03", target: "/orders", htu: "https://api.example//orders", reason: "proof"},
		"capital in the path":            {rules: "HT03", target: "/orders", htu: "https://api.example/Orders", reason: "proof"},
		"empty path":                     {rules: "HT03", target: "/", htu: "https://api.example"},
		"user information":               {rules: "HT04", target: "/orders", htu: "https://api.example@evil.example/orders", reason: "proof"},
		"user of the API":                {rules: "HT04", target: "/orders", htu: "https://me@api.example/orders", reason: "proof"},
		"relative":                       {rules: "HT04", target: "/orders", htu: "/orders", reason: "proof"},
		"no scheme":                      {rules: "HT04", target: "/orders", htu: "//api.example/orders", reason: "proof"},
		"host alone":                     {rules: "HT04", target: "/orders", htu: "api.example/orders", reason: "proof"},
		"backslash":                      {rules: "HT04", target: "/orders", htu: "https://api.example\\orders", reason: "proof"},
		"blank":                          {rules: "HT04", target: "/orders", htu: "https://api.example/orders ", reason: "proof"},
		"newline":                        {rules: "HT04", target: "/orders", htu: "https://api.example/orders\n", reason: "proof"},
		"letters outside ASCII":          {rules: "HT04", target: "/orders", htu: "https://\u0430pi.example/orders", reason: "proof"},
		"dot after the host":             {rules: "HT04", target: "/orders", htu: "https://api.example./orders", reason: "proof"},
		"longer host":                    {rules: "HT04", target: "/orders", htu: "https://api.example.evil.example/orders", reason: "proof"},
		"invalid escape":                 {rules: "HT04", target: "/orders", htu: "https://api.example/orders%", reason: "proof"},
		"scheme http":                    {rules: "HT05", target: "/orders", htu: "http://api.example/orders", reason: "proof"},
		"scheme javascript":              {rules: "HT04", target: "/orders", htu: "javascript:x", reason: "proof"},
		"without TLS behind a proxy":     {rules: "HT05 HT06", target: "/orders", htu: "https://api.example/orders", change: func(r *Request) { r.Plain = true }},
		"Host of an attacker":            {rules: "HT06", target: "/orders", htu: "https://evil.example/orders", reason: "proof", change: func(r *Request) { r.Host = "evil.example" }},
		"Host of an attacker, htu ours":  {rules: "HT06", target: "/orders", htu: "https://api.example/orders", change: func(r *Request) { r.Host = "evil.example" }},
		"base with a prefix":             {rules: "HT06 HT08", setup: "prefix", target: "/orders", htu: "https://api.example/v1/orders"},
		"base with a prefix, not in htu": {rules: "HT06 HT08", setup: "prefix", target: "/orders", htu: "https://api.example/orders", reason: "proof"},
		"absolute form, other path":      {rules: "HT09", target: "http://api.example/other", htu: "https://api.example/orders", reason: "proof"},
		"query, other path":              {rules: "HT02", target: "/other?a=b", htu: "https://api.example/orders?a=b", reason: "proof"},
		"second base":                    {rules: "HT06", setup: "two", target: "/orders", htu: "https://old.example/orders"},
		"no base":                        {rules: "HT06", setup: "two", target: "/orders", htu: "https://third.example/orders", reason: "proof"},
		"any origin":                     {rules: "HT05 HT06", setup: "any", target: "/orders", htu: "https://other.example/orders", change: func(r *Request) { r.Host = "other.example" }},
		"any origin, port":               {rules: "HT03", setup: "any", target: "/orders", htu: "https://other.example/orders", change: func(r *Request) { r.Host = "other.example:443" }},
		"any origin, without TLS":        {rules: "HT05", setup: "any", target: "/orders", htu: "http://api.example/orders", change: func(r *Request) { r.Plain = true }},
		"any origin, https without TLS":  {rules: "HT05", setup: "any", target: "/orders", htu: "https://api.example/orders", reason: "proof", change: func(r *Request) { r.Plain = true }},
		"absolute form":                  {rules: "HT09", target: "http://api.example/orders?x", htu: "https://api.example/orders"},
		"absolute form, other authority": {rules: "HT09", setup: "any", target: "https://other.example/orders", htu: "https://other.example/orders", change: func(r *Request) { r.Host = "api.example" }},
		"WebSocket, wss":                 {rules: "HT12", target: "/orders", htu: "wss://api.example/orders", change: func(r *Request) { r.Upgrade = true }},
		"WebSocket, https":               {rules: "HT12", target: "/orders", htu: "https://api.example/orders", change: func(r *Request) { r.Upgrade = true }},
		"WebSocket, ws":                  {rules: "HT12", target: "/orders", htu: "ws://api.example/orders", reason: "proof", change: func(r *Request) { r.Upgrade = true }},
		"wss without an upgrade":         {rules: "HT12", target: "/orders", htu: "wss://api.example/orders", reason: "proof"},
	} {
		all = append(all, testCase{name: "target/" + name, rules: row.rules, setup: row.setup, only: "http", requests: func(e *env) []Request {
			token := e.token(e.m.client, nil)
			r := e.request("DPoP "+token, e.proof(e.m.client, token, nil, object{"htu": row.htu}))
			r.Target = row.target
			if row.change != nil {
				row.change(&r)
			}
			return []Request{want(r, row.reason)}
		}})
	}
	return all
}

// grpcRows are cases of "htu" and the metadata over gRPC (DG01 to DG03).
func grpcRows() (all []testCase) {
	for name, row := range map[string]struct {
		rules, setup, htu, htm, reason string
	}{
		"path alone":               {rules: "DG01", htu: "/test.v1.Orders/List", reason: "proof"},
		"service alone":            {rules: "DG01", htu: "https://api.example/test.v1.Orders", reason: "proof"},
		"origin alone":             {rules: "DG01", htu: "https://api.example", reason: "proof"},
		"other method":             {rules: "DG01", htu: "https://api.example/test.v1.Orders/Delete", reason: "proof"},
		"method in lower case":     {rules: "DG01", htu: "https://api.example/test.v1.orders/list", reason: "proof"},
		"without the first slash":  {rules: "DG01", htu: "https://api.exampletest.v1.Orders/List", reason: "proof"},
		"GET":                      {rules: "DG01", htu: "https://api.example/test.v1.Orders/List", htm: "GET", reason: "proof"},
		"port 443":                 {rules: "DG01 DG03", htu: "https://api.example:443/test.v1.Orders/List"},
		"grpc as the scheme":       {rules: "DG01", htu: "grpc://api.example/test.v1.Orders/List", reason: "proof"},
		"any origin, without TLS":  {rules: "DG03", setup: "any", htu: "http://orders.example/test.v1.Orders/List"},
		"any origin, https":        {rules: "DG03", setup: "any", htu: "https://orders.example/test.v1.Orders/List", reason: "proof"},
		"any origin, other host":   {rules: "DG03", setup: "any", htu: "http://evil.example/test.v1.Orders/List", reason: "proof"},
		"query after the method":   {rules: "DG01 HT02", htu: "https://api.example/test.v1.Orders/List?x"},
		"slash after the method":   {rules: "DG01", htu: "https://api.example/test.v1.Orders/List/", reason: "proof"},
		"escaped method":           {rules: "DG01 HT03", htu: "https://api.example/test.v1.Orders/%4Cist"},
		"other scheme than TLS is": {rules: "DG03 HT06", htu: "http://api.example/test.v1.Orders/List", reason: "proof"},
	} {
		all = append(all, testCase{name: "grpc/" + name, rules: row.rules, setup: row.setup, only: "grpc", requests: func(e *env) []Request {
			token := e.token(e.m.client, nil)
			claims := object{"htu": row.htu}
			if row.htm != "" {
				claims["htm"] = row.htm
			}
			r := e.request("DPoP "+token, e.proof(e.m.client, token, nil, claims))
			r.Host = "orders.example"
			return []Request{want(r, row.reason)}
		}})
	}
	return all
}
