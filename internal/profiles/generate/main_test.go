package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestUpToDate requires the generated files to match internal/profiles.
func TestUpToDate(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	files, err := render(root)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(root, name)) //nolint:gosec // the path is a constant
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s does not match %s; run \"go generate .\" in the root of the module. It changes these lines:\n%s%s",
				name, folder, lines("+", string(want), string(got)), lines("-", string(got), string(want)))
		}
	}
}

// lines returns the lines of text that otherText does not contain. Each line begins with
// prefix.
func lines(prefix, text, otherText string) string {
	known := strings.Split(otherText, "\n")
	var b strings.Builder
	for line := range strings.SplitSeq(text, "\n") {
		if !slices.Contains(known, line) {
			b.WriteString("\t" + prefix + " " + strings.TrimSpace(line) + "\n")
		}
	}
	return b.String()
}

const good = `package profiles

// Acme accepts access tokens of
// Acme.
//
// Issuer: ` + "`https://acme.example`" + `
//
// Audience: the API
//
// A note
// of two lines.
//
// Another note.
func Acme() Profile {
	return Profile{
		Name:           "Acme Cloud",
		Types:          []string{"", "JWT"},
		Scopes:         []string{},
		ClientID:       []string{"a", "b|c"},
		RequiredValues: map[string][]string{"z": {"1"}, "k": {"2", "3"}},
		TenantClaims:   map[string]string{"t": "[0-9]+", "o": form},
		ForbiddenHeader: helper(),
	}
}

func helper() map[string]string { return nil }
`

func TestRender(t *testing.T) {
	list, err := read("acme.go", good)
	if err != nil {
		t.Fatal(err)
	}
	page := renderPage(list)
	for _, want := range []string{
		"\n| [`Acme`](#acme-cloud) | `https://acme.example` | the API | none, JWT | - | - | `a`, `b\\|c` |\n",
		"\n### Acme Cloud\n\n[`bearer.Acme`](../internal/profiles/acme.go) accepts access tokens of Acme.\nRequired claims: `sub`, `client_id`, `iat`, `jti`.\n" +
			"The claim `k` must be `2` or `3`.\nThe claim `z` must be `1`.\n`Config.Tenants` is required, with values of `o` or `t`.\n\nA note\nof two lines.\n\nAnother note.\n",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("renderPage: got\n%s\nwant it to contain\n%s", page, want)
		}
	}
	source := string(renderVariables(list))
	for _, want := range []string{"\tAcme = Profile(profiles.Acme()) // access tokens of Acme\n", "\t{\"Acme\", profiles.Acme},\n"} {
		if !strings.Contains(source, want) {
			t.Errorf("renderVariables: got\n%s\nwant it to contain\n%s", source, want)
		}
	}
}

// TestReadErrors requires each error to name the function and the expected form.
func TestReadErrors(t *testing.T) {
	for _, row := range []struct{ before, after, want string }{
		{"// Acme accepts access tokens of\n// Acme.\n//\n", "", `paragraph 1 of the doc comment is not "Acme accepts (which tokens)."`},
		{"Acme accepts", "Acme is", "paragraph 1"},
		{"// Acme.\n", "// Acme\n", "paragraph 1"},
		{"// Issuer: `https://acme.example`\n//\n", "", `paragraph 2 of the doc comment is not "Issuer: (what Config.Issuer is)"`},
		{"// Audience: the API\n//\n", "", `paragraph 3 of the doc comment is not "Audience: (what Config.Audience is)"`},
		{`"Acme Cloud"`, `""`, "want the field Name"},
		{`"Acme Cloud"`, `name`, "Name: want string literals"},
		{`[]string{"", "JWT"}`, `types()`, "Types: want string literals"},
		{`[]string{"", "JWT"}`, `[]string{typ}`, "Types: want string literals"},
		{`map[string][]string{"z": {"1"}, "k": {"2", "3"}}`, `values()`, "RequiredValues: want string literals"},
		{`"z": {"1"}`, `z: {"1"}`, "RequiredValues: want string literals"},
		{`"z": {"1"}`, `"z": one`, "RequiredValues: want string literals"},
		{`map[string]string{"t": "[0-9]+", "o": form}`, `values()`, "TenantClaims: want string literals"},
		{`"o": form`, `o: form`, "TenantClaims: want string literals"},
		{"func Acme()", "func Acme(x int)", "want a function without parameters"},
		{"return Profile{", "return acme{", "want a function without parameters"},
	} {
		if !strings.Contains(good, row.before) {
			t.Fatalf("the valid source does not contain %q, but the row must replace it", row.before)
		}
		_, err := read("acme.go", strings.Replace(good, row.before, row.after, 1))
		if err == nil || !strings.Contains(err.Error(), "internal/profiles/acme.go: Acme: ") || !strings.Contains(err.Error(), row.want) {
			t.Errorf("source with %q instead of %q: got %v, want an error that contains Acme and %s", row.after, row.before, err, row.want)
		}
	}
	if _, err := load(t.TempDir()); err == nil || !strings.Contains(err.Error(), "no profiles") {
		t.Errorf("empty folder: got %v, want an error that contains \"no profiles\"", err)
	}
}
