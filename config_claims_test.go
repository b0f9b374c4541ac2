package bearer_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/jwks"
)

// TestClaimPaths configures valid and invalid claim names. New must report an invalid name
// for every field that contains the name.
func TestClaimPaths(t *testing.T) {
	for _, row := range []struct {
		path string
		ok   bool
	}{
		{"scope", true},
		{"kubernetes.io", true},
		{"cognito:groups", true},
		{"https://ns.example/roles", true},
		{"urn:zitadel:iam:org:project:roles", true},
		{"a b", true},
		{"/realm_access/roles", true},
		{"/https:~1~1ns.example~1roles/x", true},
		{"/a~0b/0", true},
		{"", false},
		{"/", false},
		{"//", false},
		{"/a/", false},
		{"/a//b", false},
		{"/a~", false},
		{"/a~2", false},
		{"/a~01~", false},
		{"$.realm_access.roles", false},
		{"$['realm_access']['roles']", false},
		{"#/realm_access/roles", false},
		{" scope", false},
		{"scope\n", false},
		{"a\x00b", false},
	} {
		cfg := bearer.Config{
			Issuer: "https://issuer.example", Audience: []string{"a"}, Keys: &jwks.Set{}, Required: []string{row.path},
			Profile: bearer.Profile{Scopes: []string{row.path}, RequiredValues: map[string][]string{row.path: {"x"}}},
			Custom:  bearer.JSONAt[int](row.path),
		}
		_, err := bearer.New(cfg)
		if (err == nil) != row.ok {
			t.Errorf("claim name %q: got valid = %v, want %v; error: %v", row.path, err == nil, row.ok, err)
		}
		for _, field := range []string{"Config.Required", "Config.Profile.Scopes", "Config.Profile.RequiredValues", "Config.Custom"} {
			if reported := strings.Contains(fmt.Sprint(err), field+": "); reported == row.ok {
				t.Errorf("claim name %q: got an error that names %s = %v, want %v; error: %v", row.path, field, reported, !row.ok, err)
			}
		}
		if err := bearer.ClaimEquals(row.path, "x").Err(); (err == nil) != row.ok {
			t.Errorf("claim name %q in a rule: got valid = %v, want %v; error: %v", row.path, err == nil, row.ok, err)
		}
	}
}
