package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/bearerkit/bearer/internal/bench/peers"
)

//go:embed page.md.tmpl
var pageText string

// docs is the folder of the pages from which rows are copied. The command runs in internal/bench.
const docs = "../../docs"

// row is a library on the page.
type row struct {
	Name, Version string
	// Forged, Form, Claims and Purpose are the numbers of accepted requests in a group. Refused is the
	// number of refused requests in the group of valid tokens.
	Forged, Form, Claims, Purpose, Refused string
	// Accepted and Missed are the names of the cases with a wrong verdict. Left has the names of the
	// accepted cases of the group purpose.
	Accepted, Left, Missed   string
	Ratio, Packages, Modules string
}

// write returns the page.
func write(ctx context.Context, results []result) ([]byte, error) {
	data := struct {
		Date, Go                               string
		Forged, Form, Claims, Purpose, Valid   int
		Rows                                   []row
		Incidents                              [][]string
		AllForged, AllForm, AllClaims, AllUses string
		AllValid                               string
	}{Date: time.Now().Format(time.DateOnly), Go: runtime.Version()}
	ratios, err := ratios()
	if err != nil {
		return nil, err
	}
	for _, r := range results {
		line := row{Name: r.peer.Name, Version: peers.Version(r.peer.Module), Ratio: ratios[r.peer.Name]}
		if line.Ratio == "" {
			return nil, fmt.Errorf("speed.md has no ratio of %s", r.peer.Name)
		}
		if r.peer.Name == peers.Ours {
			line.Name, line.Version = "**"+r.peer.Name+"**", "not released"
		}
		if line.Packages, line.Modules, err = dependencies(ctx, imports[r.peer.Name]); err != nil {
			return nil, err
		}
		line.Forged, data.Forged = r.count(forged, true)
		line.Form, data.Form = r.count(form, true)
		line.Claims, data.Claims = r.count(claims, true)
		line.Purpose, data.Purpose = r.count(purpose, true)
		line.Refused, data.Valid = r.count(accepted, false)
		line.Accepted = strings.Join(slices.Concat(r.list(forged, true), r.list(form, true), r.list(claims, true)), "; ")
		line.Left = strings.Join(r.list(purpose, true), "; ")
		line.Missed = strings.Join(r.list(accepted, false), "; ")
		data.Rows = append(data.Rows, line)
	}
	first := results[0]
	data.AllForged, data.AllForm, data.AllClaims = first.all(forged), first.all(form), first.all(claims)
	data.AllUses, data.AllValid = first.all(purpose), first.all(accepted)
	if data.Incidents, err = incidents(); err != nil {
		return nil, err
	}
	page, err := template.New("page").Parse(pageText)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = page.Execute(&out, data)
	return out.Bytes(), err
}

// count returns the number of the cases of a group with this outcome, in bold if it is not zero, and
// the number of all cases of the group.
func (r result) count(group string, reached bool) (text string, all int) {
	names, all := r.names(group, reached)
	if len(names) == 0 {
		return "0", all
	}
	return fmt.Sprintf("**%d**", len(names)), all
}

func (r result) list(group string, reached bool) []string {
	names, _ := r.names(group, reached)
	return names
}

// all returns the names of all cases of a group.
func (r result) all(group string) string {
	return strings.Join(slices.Concat(r.list(group, true), r.list(group, false)), "; ")
}

// ratios returns the CPU time of a request with a new RS256 token, by library. It is the first table
// of docs/speed.md.
func ratios() (map[string]string, error) {
	text, err := os.ReadFile(filepath.Join(docs, "speed.md"))
	if err != nil {
		return nil, err
	}
	_, table, _ := strings.Cut(string(text), "\n| library (RS256) |")
	table, _, _ = strings.Cut(table, "\n\n")
	found := map[string]string{}
	for _, line := range regexp.MustCompile(`(?m)^\| \**([^|*]+?)\** \| ([0-9.]+) \|`).FindAllStringSubmatch(table, -1) {
		found[line[1]] = line[2]
	}
	if len(found) == 0 {
		return nil, errors.New("speed.md has no table of new tokens")
	}
	return found, nil
}

// shownIncidents has the beginnings of the rows that the page copies from docs/incidents.md.
var shownIncidents = []string{
	"10,000 tokens with forged key ids", "a new key with the key id of the old key", "the issuer withdraws a key",
	"a service restarts while the issuer is down", "odd documents instead of a key set",
}

// incidents returns rows of docs/incidents.md.
func incidents() ([][]string, error) {
	text, err := os.ReadFile(filepath.Join(docs, "incidents.md"))
	if err != nil {
		return nil, err
	}
	var rows [][]string
	for _, name := range shownIncidents {
		line := regexp.MustCompile(`(?m)^\| (` + regexp.QuoteMeta(name) + `[^|]*) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$`).FindStringSubmatch(string(text))
		if line == nil {
			return nil, fmt.Errorf("incidents.md has no row %q", name)
		}
		rows = append(rows, line[1:])
	}
	return rows, nil
}

// imports has the packages that a service imports to use a library as the benchmark does.
var imports = map[string][]string{
	peers.Ours:                   {"github.com/bearerkit/bearer/middleware"},
	"golang-jwt + keyfunc":       {"github.com/golang-jwt/jwt/v5", "github.com/MicahParks/keyfunc/v3"},
	"echo-jwt + keyfunc":         {"github.com/labstack/echo-jwt/v4", "github.com/MicahParks/keyfunc/v3"},
	"go-oidc":                    {"github.com/coreos/go-oidc/v3/oidc"},
	"jwx":                        {"github.com/lestrrat-go/jwx/v3/jwt", "github.com/lestrrat-go/jwx/v3/jwk", "github.com/lestrrat-go/httprc/v3"},
	"hashicorp/cap":              {"github.com/hashicorp/cap/jwt"},
	"auth0/go-jwt-middleware v2": {"github.com/auth0/go-jwt-middleware/v2", "github.com/auth0/go-jwt-middleware/v2/jwks", "github.com/auth0/go-jwt-middleware/v2/validator"},
	"auth0/go-jwt-middleware v3": {"github.com/auth0/go-jwt-middleware/v3", "github.com/auth0/go-jwt-middleware/v3/jwks", "github.com/auth0/go-jwt-middleware/v3/validator"},
	"go-chi/jwtauth (one key)":   {"github.com/go-chi/jwtauth/v5", "github.com/lestrrat-go/jwx/v2/jwk"},
}

// dependencies returns the number of packages outside the standard library that a program with these
// imports compiles, and the number of their modules.
func dependencies(ctx context.Context, packages []string) (count, modules string, err error) {
	if len(packages) == 0 {
		return "", "", errors.New("a library has no imports in the list")
	}
	list := exec.CommandContext(ctx, "go", slices.Concat([]string{"list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}"}, packages)...) //nolint:gosec // the packages are in the list above
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		return "", "", fmt.Errorf("go list: %w", err)
	}
	lines := strings.Fields(string(out))
	count = fmt.Sprint(len(lines))
	slices.Sort(lines)
	return count, fmt.Sprint(len(slices.Compact(lines))), nil
}
