package jwks_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/bearerkit/bearer/internal/growth"
	"github.com/bearerkit/bearer/jwks"
)

const bom = "\xef\xbb\xbf"

// memberNames are the members of a JWK that must be unique, valid UTF-8, and without control
// characters.
var memberNames = []string{
	"kty", "kid", "use", "alg", "key_ops", "crv", "n", "e", "x", "y", "issuer",
	"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv",
}

// withMembers appends members to the first key of goodKey.
func withMembers(members string) string {
	return `{"keys":[` + goodKey + `,"kid":"a",` + members + `}]}`
}

// toleratedDocuments returns key sets with mistakes in places that no reader needs. The key a is
// usable in each of them.
func toleratedDocuments() map[string]string {
	good := withMembers(`"use":"sig"`)
	return map[string]string{
		"byte order mark":                            bom + good,
		"byte order mark and white space":            bom + "\r\n " + good,
		"line breaks in x5c":                         withMembers("\"x5c\":[\"MIIB\r\nAAAA\r\n\"]"),
		"line breaks in x5c, and byte order mark":    bom + withMembers("\"x5c\":[\"MIIB\r\nAAAA\r\n\"]"),
		"every control character in x5t":             withMembers("\"x5t\":\"" + controls() + "\""),
		"line break after an escape in x5t":          withMembers("\"x5t\":\"\\\\\n\\\"\n\""),
		"line break in a member beside keys":         `{"a":"` + "\n" + `","keys":[` + goodKey + `,"kid":"a"}]}`,
		"Latin-1 in a member of a key":               withMembers("\"name\":\"Zo\xeb\""),
		"half of a surrogate pair in a member":       withMembers(`"name":"\ud800"`),
		"Latin-1 in an array of a key":               withMembers("\"x5c\":[\"\xe9\"]"),
		"member of no interest twice in a key":       withMembers(`"x5t":"a","x5t":"b"`),
		"member twice in an object of a key":         withMembers(`"ext":{"a":1,"a":2,"kid":1,"kid":2}`),
		"member of no interest twice beside keys":    `{"a":1,"a":2,"keys":[` + goodKey + `,"kid":"a"}]}`,
		"Latin-1 in a member beside keys":            "{\"a\":\"\xe9\",\"keys\":[" + goodKey + `,"kid":"a"}]}`,
		"member twice in an object beside keys":      `{"a":{"keys":[],"keys":[]},"keys":[` + goodKey + `,"kid":"a"}]}`,
		"line break in a different, unusable key":    `{"keys":[{"kty":"RSA","n":"` + "\n" + `"},` + goodKey + `,"kid":"a"}]}`,
		"line break between members, and DEL in kid": "{\n\"keys\":[" + goodKey + `,"kid":"a"},` + "\n" + strings.Replace(edElement("DEL", 1), "DEL", "\x7f", 1) + "]\n}",
	}
}

// controls returns all control characters of ASCII below the space.
func controls() string {
	var b strings.Builder
	for c := range byte(' ') {
		b.WriteByte(c)
	}
	return b.String()
}

func TestTolerated(t *testing.T) {
	for name, doc := range toleratedDocuments() {
		set, err := jwks.Parse([]byte(doc))
		if err != nil {
			t.Errorf("%s: got error %v, want none", name, err)
			continue
		}
		_, err = set.Lookup("a", "EdDSA")
		want(t, name+": lookup of the key", outcome(err), "ok")
		if strings.Contains(name, "DEL") {
			_, err = set.Lookup("\x7f", "EdDSA")
			want(t, name+": lookup of the key with DEL in its kid", outcome(err), "ok")
		}
	}
}

// changedKey returns goodKey with the kid "a" and one changed or additional member. The argument
// value is the raw JSON of the value.
func changedKey(name, value string) string {
	var b strings.Builder
	found := false
	for i, m := range [][2]string{{"kty", `"OKP"`}, {"crv", `"Ed25519"`}, {"x", `"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"`}, {"kid", `"a"`}} {
		if m[0] == name {
			m[1], found = strings.Replace(value, `"`, m[1][:len(m[1])-1], 1), true
		}
		fmt.Fprintf(&b, "%c%q:%s", "{,,,"[i], m[0], m[1])
	}
	if !found {
		fmt.Fprintf(&b, ",%q:%s", name, value)
	}
	return b.String() + "}"
}

// A key is left out if two readers can read a member that matters in different ways.
func TestKeyIsNotTolerated(t *testing.T) {
	with := func(members string) string { return goodKey + `,"kid":"a",` + members + "}" }
	rows := map[string]string{
		"name with a control character":            with("\"x\n5t\":1"),
		"name with Latin-1":                        with("\"\xe9\":1"),
		"name of a member, with an invalid byte":   with("\"k\xffid\":\"b\""),
		"name of a member, with a line break":      with("\"kid\n\":\"b\""),
		"nested too deeply":                        with(`"z":` + strings.Repeat("[", 16) + strings.Repeat("]", 16)),
		"key_ops with a line break":                with("\"key_ops\":[\"verify\",\"\n\"]"),
		"key_ops with Latin-1":                     with("\"key_ops\":[\"verify\",\"\xe9\"]"),
		"line break in kid, as an escape of UTF-8": changedKey("kid", "\"\\ud800\n\""),
	}
	for _, name := range memberNames {
		escaped := fmt.Sprintf(`\u%04x`, name[0]) + name[1:]
		rows[name+" twice, empty"] = changedKey(name, `""`)[:len(changedKey(name, `""`))-1] + fmt.Sprintf(`,%q:""}`, name)
		rows[name+" twice, with an escape"] = changedKey(name, `""`)[:len(changedKey(name, `""`))-1] + fmt.Sprintf(`,"%s":null}`, escaped)
		rows[name+" with a line break"] = changedKey(name, "\"\r\n\"")
		rows[name+" with Latin-1"] = changedKey(name, "\"\xe9\"")
		rows[name+" with half of a surrogate pair"] = changedKey(name, `"\ud800"`)
	}
	for name, element := range rows {
		set, err := jwks.Parse([]byte(`{"keys":[` + element + "," + edElement("other", 1) + "]}"))
		if err != nil {
			t.Errorf("%s: got error %v, want only the key left out", name, err)
			continue
		}
		want(t, fmt.Sprintf("%s: usable keys of %q", name, element), len(set.Keys()), 1)
		want(t, name+": ID of the usable key", set.Keys()[0].ID(), "other")
	}
	if set, err := jwks.Parse([]byte(`{"keys":[` + changedKey("issuer", `"https://issuer.test"`) + "]}")); err != nil || len(set.Keys()) != 1 {
		t.Errorf("key without a mistake: got error %v, want one key", err)
	}
}

// Only a byte order mark at the start, and control characters in values, are tolerated.
func TestSetIsNotTolerated(t *testing.T) {
	good := withMembers(`"use":"sig"`)
	for name, row := range map[string]struct{ document, want string }{
		"two byte order marks":              {bom + bom + good, "not a JSON object"},
		"byte order mark after white space": {" " + bom + good, "not a JSON object"},
		"byte order mark at the end":        {good + bom, "data after the JSON object"},
		"half of a byte order mark":         {bom[:2] + good, "not a JSON object"},
		"byte order mark in UTF-16":         {"\xff\xfe" + good, "not a JSON object"},
		"line break in the name keys":       {strings.Replace(good, "keys", "ke\nys", 1), "a member name contains a control character, at byte 2"},
		"line break in a different name":    {strings.Replace(good, "{", "{\"a\n\":1,", 1), "a member name contains a control character, at byte 2"},
		"line break after a backslash":      {withMembers("\"x5c\":[\"MIIB\\\n\"]"), "not valid JSON at byte"},
		"line break in an escape":           {withMembers("\"x5c\":[\"\\u00\n41\"]"), "not valid JSON at byte"},
		"NUL between members":               {strings.Replace(good, "{", "{\x00", 1), "not valid JSON at byte 2"},
		"string without an end":             {strings.TrimSuffix(good, `sig"}]}`) + "\n", "JSON ends too early, after"},
		"keys twice":                        {`{"keys":[],"keys":[` + goodKey + "}]}", `the member "keys" appears twice, the second time at byte 12`},
		"keys twice, with an escape":        {bom + `{"keys":[],"k\u0065ys":[` + goodKey + "}]}", `the member "keys" appears twice, the second time at byte 15`},
	} {
		_, err := jwks.Parse([]byte(row.document))
		t.Log(name)
		wantText(t, err, "not a usable key set: "+row.want)
	}
}

// A document is not changed by Parse, because the cache compares and stores it.
func TestParseKeepsDocument(t *testing.T) {
	for name, doc := range toleratedDocuments() {
		data := []byte(doc)
		if _, err := jwks.Parse(data); err != nil || string(data) != doc {
			t.Errorf("%s: document after Parse: got %q and error %v, want it unchanged", name, data, err)
		}
	}
}

// Mistakes in members of no interest do not prevent discovery. The members "issuer" and
// "jwks_uri" must be unique and valid.
func TestMetadataTolerance(t *testing.T) {
	good := metadata(issuerURL, keysURL)
	with := func(members string) string { return "{" + members + "," + good[1:] }
	for name, row := range map[string]struct{ document, want string }{
		"byte order mark":                    {bom + good, ""},
		"Latin-1":                            {with("\"service_documentation\":\"caf\xe9\""), ""},
		"half of a surrogate pair":           {with(`"a":"\ud800"`), ""},
		"line break":                         {with("\"op_policy_uri\":\"a\r\nb\""), ""},
		"duplicate":                          {with(`"scopes_supported":[],"scopes_supported":["a"]`), ""},
		"duplicate in an object":             {with(`"mtls_endpoint_aliases":{"a":1,"a":2}`), ""},
		"issuer and jwks_uri in an object":   {with(`"a":{"issuer":"x","jwks_uri":"x","issuer":"y"}`), ""},
		"names in the wrong case":            {with(`"Issuer":"x","JWKS_URI":"x"`), ""},
		"issuer twice":                       {with(`"issuer":"` + issuerURL + `"`), `the member "issuer" appears twice`},
		"issuer twice, with an escape":       {with(`"\u0069ssuer":"` + issuerURL + `"`), `the member "issuer" appears twice`},
		"jwks_uri twice":                     {with(`"jwks_uri":"` + keysURL + `"`), `the member "jwks_uri" appears twice`},
		"jwks_uri twice, with an escape":     {with(`"jwks\u005furi":"` + keysURL + `"`), `the member "jwks_uri" appears twice`},
		"Latin-1 in a name":                  {with("\"\xe9\":1"), "a member name is not valid UTF-8, at byte 2"},
		"line break in a name":               {with("\"a\n\":1"), "a member name contains a control character, at byte 2"},
		"Latin-1 in issuer":                  {strings.Replace(good, issuerURL, issuerURL+"\xe9", 1), `"issuer" is not valid UTF-8`},
		"line break in issuer":               {strings.Replace(good, issuerURL, issuerURL+"\n", 1), `"issuer" contains a control character`},
		"line break in jwks_uri":             {strings.Replace(good, keysURL, keysURL+"\n", 1), `"jwks_uri" contains a control character`},
		"half of a surrogate pair in issuer": {strings.Replace(good, issuerURL, issuerURL+`\ud800`, 1), `"issuer" is not valid UTF-8`},
		"syntax error":                       {good[:len(good)-1] + "!", fmt.Sprintf("not valid JSON at byte %d", len(good))},
		"nested too deeply":                  {with(`"a":` + strings.Repeat("[", 16) + strings.Repeat("]", 16)), "nested deeper than 16 levels"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := site{issuerURL + oidc: row.document, keysURL: string(document(ecKey("a")))}
				c := discover(t, issuerURL, &issuer{answer: s.answer})
				_, err := c.Lookup("a", "ES256")
				if row.want != "" {
					wantText(t, err, row.want)
				} else {
					want(t, "outcome of a lookup", outcome(err), "ok")
				}
			})
		})
	}
}

// The cost of a document with mistakes grows no faster than its size.
func TestToleranceCost(t *testing.T) {
	for name, set := range map[string]func(n int) string{
		"line breaks in x5c":      func(n int) string { return withMembers("\"x5c\":[\"" + strings.Repeat("A\n", n/2) + "\"]") },
		"strings":                 func(n int) string { return withMembers(`"x5c":` + list(n/5, func(int) string { return "\"\n\"" })) },
		"backslashes":             func(n int) string { return withMembers("\"x5c\":\"\n" + strings.Repeat(`\\`, n/2) + "\"") },
		"Latin-1 in x5c":          func(n int) string { return withMembers("\"x5c\":[\"" + strings.Repeat("\xe9", n) + "\"]") },
		"duplicates in an object": func(n int) string { return withMembers(`"o":` + object(n/8, "m")) },
		"duplicates beside keys": func(n int) string {
			return `{"o":` + object(n/8, "m") + `,"keys":[` + goodKey + "}]}"
		},
		"PEM":      func(n int) string { return "-----BEGIN CERTIFICATE-----\n" + strings.Repeat("A", n) },
		"HTML":     func(n int) string { return strings.Repeat(" ", n) + "<html>" },
		"JWT":      func(n int) string { return "eyJ." + strings.Repeat("A", n) + "." },
		"dots":     func(n int) string { return "eyJ" + strings.Repeat(".", n) },
		"metadata": func(n int) string { return `{"issuer":"` + strings.Repeat("a", n) + `","jwks_uri":"x"}` },
	} {
		growth.Check(t, "key set with "+name, 30<<10, func(n int) func() {
			document := []byte(set(n))
			return func() { _, _ = jwks.Parse(document) }
		})
	}
}
