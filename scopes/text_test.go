package scopes_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"log/slog"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/scopes"
)

// TestSetText encodes Sets and decodes the results. The text is the "scope" parameter of RFC 6749.
func TestSetText(t *testing.T) {
	for _, names := range [][]string{nil, {"a"}, {"b", "a"}, {"read:x", "write:x", `<&>`}, strings.Fields(strings.Repeat("s t u v w x ", 3))} {
		set, err := scopes.Of(names...)
		if err != nil {
			t.Fatal(err)
		}
		type document struct{ Scope scopes.Set }
		encoded, err := json.Marshal(document{set})
		var plain struct{ Scope string }
		if err != nil || json.Unmarshal(encoded, &plain) != nil || plain.Scope != set.String() {
			t.Errorf("JSON: got %s and error %v, want the text %q", encoded, err, set.String())
		}
		var decoded document
		if err := json.Unmarshal(encoded, &decoded); err != nil || decoded.Scope.String() != set.String() || decoded.Scope.Len() != set.Len() {
			t.Errorf("JSON: got the Set %q of %s and error %v, want %q", decoded.Scope, encoded, err, set)
		}
		encoded, err = xml.Marshal(document{set})
		if err != nil || xml.Unmarshal(encoded, &decoded) != nil || decoded.Scope.String() != set.String() {
			t.Errorf("XML: got the Set %q of %s and error %v, want %q", decoded.Scope, encoded, err, set)
		}
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "scope", set)
		if json.Unmarshal(log.Bytes(), &plain) != nil || plain.Scope != set.String() {
			t.Errorf("log: got %s, want the scopes %q", log.String(), set)
		}
	}
}

// TestSetTextInvalid checks that invalid text is an error and changes nothing.
func TestSetTextInvalid(t *testing.T) {
	for _, text := range []string{`"a\tb"`, `"a\"b"`, `"é"`, `"a\u0000"`, `{}`, `["a"]`, `1`} {
		set, err := scopes.Of("kept")
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(text), &set); err == nil || set.String() != "kept" {
			t.Errorf("%s: got the Set %q and error %v, want an error and the Set as before", text, set, err)
		}
	}
}

// TestSetTextOfUnusualSets checks that the text contains the names only: the names that a hierarchy
// added are names, and a decoded Set has no wildcards.
func TestSetTextOfUnusualSets(t *testing.T) {
	set, err := scopes.Of("admin:*", "all")
	if err != nil {
		t.Fatal(err)
	}
	set = scopes.Hierarchy{"all": {"read"}}.Expand(set.WithWildcards())
	encoded, err := json.Marshal(set)
	if err != nil || string(encoded) != `"admin:* all read"` {
		t.Errorf("got %s and error %v, want the three names", encoded, err)
	}
	var decoded scopes.Set
	if err := json.Unmarshal(encoded, &decoded); err != nil || !set.Has("admin:x") || decoded.Has("admin:x") || !decoded.Has("read") {
		t.Errorf("got the Set %q and error %v, want the names without wildcards", decoded, err)
	}
}

// TestRuleText checks that the text of a Rule is the same as its printed form, for example in a
// list of routes in JSON.
func TestRuleText(t *testing.T) {
	for _, rule := range []scopes.Rule{
		{},
		scopes.Public(), scopes.All(), scopes.All("a", "b"), scopes.Optional(scopes.Any("a", "b")), scopes.ReportOnly(scopes.All("a")),
		scopes.All("not valid"), scopes.Or(scopes.All("a"), scopes.All("b", "c")),
	} {
		encoded, err := json.Marshal(struct{ Rule scopes.Rule }{rule})
		var decoded struct{ Rule string }
		if err != nil || json.Unmarshal(encoded, &decoded) != nil || decoded.Rule != rule.String() {
			t.Errorf("got %s and error %v, want the text %q", encoded, err, rule)
		}
	}
	encoded, err := json.Marshal(scopes.Routes{"GET /x": scopes.Public()})
	if want, _ := json.Marshal(map[string]string{"GET /x": scopes.Public().String()}); err != nil || string(encoded) != string(want) {
		t.Errorf("Routes: got %s and error %v, want %s", encoded, err, want)
	}
}
