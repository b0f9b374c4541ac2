package scopes_test

import (
	"strings"
	"testing"

	"github.com/bearerkit/bearer/scopes"
)

func TestMethodsErr(t *testing.T) {
	for name, valid := range map[string]bool{
		"/deploy.v1.Deployments/Create": true, "/deploy.v1.Deployments/*": true, "/Echo/Say": true, "/a/*": true, "/a_1.B2/c_3": true,
		"": false, "/": false, "//": false, "*": false, "/*": false, "/*/*": false, "**": false, "/a.B": false, "/a.B/": false, "//C": false,
		"a.B/C": false, " /a.B/C": false, "/a.B/C ": false, "/a.B/C/": false, "/a.B/C/D": false, "/a.B//C": false, "/a.B/C*": false,
		"/a.B/*C": false, "/a.B/**": false, "/a.*/C": false, "/a.B*/C": false, "/a.B/{id}": true, // gRPC allows braces in names
		"/.a.B/C": false, "/a.B./C": false, "/a..B/C": false, "/./C": false, "/a.B/C?x": false, "/a.B/C#x": false, "/a.B/%43": false,
		"/a.B/C\n": false, "/a.B/C\x00": false, "/a.B/\u0421": false, `/a.B/"C"`: false, `\a.B\C`: false, "a.B.C": false, "deploy.v1.Deployments": false,
		"https://a.B/C": false, "GET /a.B/C": false,
	} {
		err := scopes.Methods{name: scopes.All("a")}.Err()
		if (err == nil) != valid {
			t.Errorf("method name %q: got valid = %v, want %v; error: %v", name, err == nil, valid, err)
		}
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("method name %q: got an error of several lines, want one line for one mistake; error: %v", name, err)
		}
	}
	err := scopes.Methods{"x": {}, "/a.B/C": scopes.All("a b"), "/a.B/D": scopes.And(), "/a.B/E": scopes.Public()}.Err()
	for _, want := range []string{`"x": want /package.Service/Method`, `"x": scopes: there is no rule`, `"/a.B/C": scopes: All("a b"): a scope must not contain a space`, `"/a.B/D": scopes: And() has no rules`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v\nwant %s in the text", err, want)
		}
	}
	if err := scopes.Methods(nil).Err(); err != nil {
		t.Errorf("nil Methods: got error %v, want none", err)
	}
}
