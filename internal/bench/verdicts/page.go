package main

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/bearerkit/bearer/internal/bench/peers"
)

//go:embed page.md.tmpl
var pageText string

// groupsOfCases are the groups in the order of the page, with their titles.
var groupsOfCases = []struct{ name, title string }{
	{forged, "Forged"},
	{form, "Malformed"},
	{claims, "Wrong claims"},
	{keys, "Odd keys"},
	{requests, "Wrong requests"},
	{purpose, "Other purposes"},
	{accepted, "Valid"},
	{issuers, "Issuers' tokens"},
}

// page is the data of the template.
type page struct {
	Date, Go  string
	Libraries []library
	// Others are the libraries without bearer.
	Others []library
	// All has the number of cases of each group.
	All map[string]int
	// Groups has the cases of each group for which at least one library has a wrong verdict.
	Groups []group
	// Agreed has the groups with the names of the cases for which all libraries have the right verdict.
	Agreed    []agreement
	Incidents [][]string
	// NoAudience has the names of the tokens of issuers without an audience.
	NoAudience string
}

// library is a library on the page.
type library struct {
	Name, Short, Version, Options, Ratio string
	needs
	// Wrong has the number of wrong verdicts in each group.
	Wrong map[string]string
	// Status and Challenge are parts of the response to an expired token. Status is empty if the user
	// of the library writes the response.
	Status, Challenge string
}

type group struct {
	Title string
	Rows  []verdictRow
}

// verdictRow has the verdicts of all libraries on a request.
type verdictRow struct {
	Name  string
	Cells []string
}

type agreement struct{ Title, Names string }

// write returns the page.
func write(ctx context.Context, results []result) ([]byte, error) {
	data := page{Date: time.Now().Format(time.DateOnly), Go: runtime.Version(), All: map[string]int{}}
	for _, c := range results[0].cases {
		data.All[c.group]++
	}
	ratios, err := ratios()
	if err != nil {
		return nil, err
	}
	for _, r := range results {
		l := r.library(ratios)
		if l.Ratio == "" {
			return nil, fmt.Errorf("speed.md has no ratio of %s", r.peer.Name)
		}
		if l.needs, err = measureNeeds(ctx, r.peer); err != nil {
			return nil, err
		}
		l.Released = cmp.Or(l.Released, "–")
		data.Libraries = append(data.Libraries, l)
	}
	if err := data.compare(results); err != nil {
		return nil, err
	}
	data.Others = data.Libraries[1:]
	if data.Incidents, err = incidents(); err != nil {
		return nil, err
	}
	if data.NoAudience, err = refusedExamples(results); err != nil {
		return nil, err
	}
	text, err := template.New("page").Parse(pageText)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = text.Execute(&out, data)
	return out.Bytes(), err
}

// compare sets Groups and Agreed. The tokens of issuers are not in Groups, because the page has only
// their numbers. bearer has no cells, because all its verdicts are right.
func (p *page) compare(results []result) error {
	for _, c := range results[0].cases {
		if !results[0].right(c, false) {
			return fmt.Errorf("bearer has a wrong verdict on %q", c.name)
		}
	}
	for _, g := range groupsOfCases {
		differ := group{Title: g.title}
		var agreed []string
		for _, c := range results[0].cases {
			if c.group != g.name || g.name == issuers {
				continue
			}
			row := verdictRow{Name: c.name}
			for _, r := range results[1:] {
				row.Cells = append(row.Cells, r.cell(c))
			}
			if strings.Join(row.Cells, "") == "" {
				agreed = append(agreed, c.name)
				continue
			}
			differ.Rows = append(differ.Rows, row)
		}
		if differ.Rows != nil {
			p.Groups = append(p.Groups, differ)
		}
		if agreed != nil {
			p.Agreed = append(p.Agreed, agreement{g.title, strings.Join(agreed, "; ")})
		}
	}
	return nil
}

// cell returns the verdict of the library on a request. It is empty if the verdict is right.
func (r result) cell(c testCase) string {
	switch {
	case r.peer.OneKey && c.group == keys:
		return "–"
	case r.right(c, false):
		return ""
	case r.yours(c):
		return "yours"
	case r.right(c, true):
		return "option"
	}
	return "**wrong**"
}

// right reports whether the library has the right verdict, by default or with options.
func (r result) right(c testCase, options bool) bool {
	if options {
		return r.withOptions[c.name] == c.valid()
	}
	return r.reached[c.name] == c.valid()
}

// yours reports whether the library leaves the verdict to the code of its user.
func (r result) yours(c testCase) bool {
	return c.group == purpose || c.send != nil && !r.peer.ReadsRequests
}

func (r result) library(ratios map[string]string) library {
	l := library{
		Name: r.peer.Name, Short: short[r.peer.Name], Version: peers.Version(r.peer.Module), Options: r.peer.Options,
		Ratio: ratios[r.peer.Name], Wrong: map[string]string{}, Status: fmt.Sprint(r.expired.Code),
	}
	if r.peer.Name == peers.Ours {
		l.Name, l.Version = "**"+l.Name+"**", "not released"
	}
	for _, g := range groupsOfCases {
		l.Wrong[g.name] = r.count(g.name)
	}
	l.Challenge = strings.Join(r.expired.Header()["Www-Authenticate"], "` and `")
	if !r.peer.ReadsRequests || r.peer.Name == "jwx" { // jwx reads requests, but writes no responses
		l.Status = ""
	}
	return l
}

// count returns the number of wrong verdicts in a group. If options of the library change the number,
// the new number is in parentheses.
func (r result) count(group string) string {
	byDefault, withOptions := 0, 0
	for _, c := range r.cases {
		if c.group != group {
			continue
		}
		if c.send != nil && !r.peer.ReadsRequests && group == requests || r.peer.OneKey && group == keys {
			return "–" // the library does not decide
		}
		if r.yours(c) && group == accepted {
			continue
		}
		if !r.right(c, false) {
			byDefault++
		}
		if !r.right(c, true) {
			withOptions++
		}
	}
	text := fmt.Sprint(byDefault)
	if byDefault > 0 {
		text = "**" + text + "**"
	}
	if withOptions != byDefault {
		text += fmt.Sprintf(" (%d)", withOptions)
	}
	return text
}

// short has the names of the libraries in wide tables.
var short = map[string]string{
	peers.Ours: "bearer", "golang-jwt + keyfunc": "golang-jwt", "go-oidc": "go-oidc", "jwx": "jwx", "hashicorp/cap": "cap",
	"auth0/go-jwt-middleware v2": "auth0 v2", "auth0/go-jwt-middleware v3": "auth0 v3", "echo-jwt + keyfunc": "echo-jwt",
	"go-chi/jwtauth (one key)": "jwtauth",
}

// refusedExamples returns the names of the tokens of issuers that a library refuses. All these tokens
// have no audience; the page says so.
func refusedExamples(results []result) (string, error) {
	var names []string
	for _, r := range results {
		for _, c := range r.cases {
			if c.group != issuers || r.right(c, false) || slices.Contains(names, c.name) {
				continue
			}
			if !c.withoutAudience() {
				return "", fmt.Errorf("%s refuses %s, which has an audience; explain this on the page", r.peer.Name, c.name)
			}
			names = append(names, c.name)
		}
	}
	return strings.Join(names, ", "), nil
}
