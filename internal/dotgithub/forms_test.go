package dotgithub_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const folder = "../../.github/"

// form is an issue form. The fields are the keys of GitHub's form schema that this repository uses.
type form struct {
	Name        string
	Description string
	Title       string
	Labels      []string
	Body        []element
}

// element is one element of an issue form.
type element struct {
	Type        string
	ID          string
	Attributes  map[string]any
	Validations struct{ Required bool }
}

// attributesOf lists the attributes of each type of element. The value is true if GitHub requires
// the attribute.
var attributesOf = map[string]map[string]bool{
	"markdown":   {"value": true},
	"input":      {"label": true, "description": false, "placeholder": false, "value": false},
	"textarea":   {"label": true, "description": false, "placeholder": false, "value": false, "render": false},
	"dropdown":   {"label": true, "description": false, "multiple": false, "options": true, "default": false},
	"checkboxes": {"label": true, "description": false, "options": true},
}

const (
	warning   = "**Do not paste a token, a client secret or a private key.**"
	noSecrets = "This issue contains no token, no client secret and no private key."
)

var idPattern = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// formFaults returns the faults of an issue form. The rules are those of GitHub's pages "Syntax for
// GitHub's form schema" and "Common validation errors when creating issue forms". In addition, each
// form must begin with the warning, and then have the required checkbox.
func formFaults(text []byte) []string {
	var f form
	decoder := yaml.NewDecoder(strings.NewReader(string(text)))
	decoder.KnownFields(true)
	if err := decoder.Decode(&f); err != nil {
		return []string{err.Error()}
	}
	var faults []string
	add := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if strings.TrimSpace(f.Name) == "" || strings.TrimSpace(f.Description) == "" {
		add("no name or no description")
	}
	ids, labels, inputs := map[string]bool{}, map[string]bool{}, 0
	for i, e := range f.Body {
		for _, fault := range e.faults() {
			add("element %d: %s", i, fault)
		}
		if e.Type == "markdown" {
			continue
		}
		inputs++
		label := fmt.Sprint(e.Attributes["label"])
		if e.ID == "" || ids[e.ID] || labels[label] {
			add("element %d: no id, or a repeated id or label", i)
		}
		ids[e.ID], labels[label] = true, true
	}
	switch {
	case inputs == 0:
		add("no element for input")
	case f.Body[0].Type != "markdown" || !strings.HasPrefix(fmt.Sprint(f.Body[0].Attributes["value"]), warning):
		add("the first element is not the warning")
	case len(f.Body) < 2 || !f.Body[1].isRequiredBox(noSecrets):
		add("the second element is not the required checkbox")
	}
	return faults
}

// faults returns the faults of one element.
func (e *element) faults() []string {
	known := attributesOf[e.Type]
	if known == nil {
		return []string{fmt.Sprintf("unknown type %q", e.Type)}
	}
	var faults []string
	if e.ID != "" && !idPattern.MatchString(e.ID) {
		faults = append(faults, "invalid id")
	}
	for name, value := range e.Attributes {
		if _, ok := known[name]; !ok {
			faults = append(faults, "unknown attribute "+name)
		}
		if text, isText := value.(string); name != "options" && name != "multiple" && name != "default" && (!isText || strings.TrimSpace(text) == "") {
			faults = append(faults, name+" is not a text")
		}
	}
	for name, required := range known {
		if _, ok := e.Attributes[name]; required && !ok {
			faults = append(faults, "no "+name)
		}
	}
	if e.Type == "dropdown" {
		faults = append(faults, optionFaults(e.Attributes["options"])...)
	}
	if e.Type == "markdown" && (e.ID != "" || e.Validations.Required) {
		faults = append(faults, "markdown with an id or a validation")
	}
	return faults
}

// optionFaults returns the faults of the options of a dropdown. Options must be different texts. YAML
// reads words such as "yes" as booleans, and GitHub adds the option "None".
func optionFaults(value any) []string {
	options, _ := value.([]any)
	if len(options) == 0 {
		return []string{"no options"}
	}
	var faults, seen []string
	for _, option := range options {
		text, ok := option.(string)
		if !ok || strings.EqualFold(text, "none") || slices.Contains(seen, text) {
			faults = append(faults, fmt.Sprintf("invalid option %v", option))
		}
		seen = append(seen, text)
	}
	return faults
}

// isRequiredBox reports whether e has one checkbox with this label, and requires that the author
// checks the box.
func (e *element) isRequiredBox(label string) bool {
	options, _ := e.Attributes["options"].([]any)
	if e.Type != "checkboxes" || len(options) != 1 {
		return false
	}
	option, _ := options[0].(map[string]any)
	return option["label"] == label && option["required"] == true
}

// TestForms checks each issue form.
func TestForms(t *testing.T) {
	for _, name := range files(t, "ISSUE_TEMPLATE/*.yml") {
		if filepath.Base(name) == "config.yml" {
			continue
		}
		for _, fault := range formFaults(read(t, name)) {
			t.Errorf("%s: got the fault %q, want none", name, fault)
		}
	}
}

// TestFormFaults checks that formFaults finds the faults of a form.
func TestFormFaults(t *testing.T) {
	markdown := "name: n\ndescription: d\nbody:\n- {type: markdown, attributes: {value: '" + warning + "'}}\n"
	good := markdown + "- {type: checkboxes, id: a, attributes: {label: l, options: [{label: '" + noSecrets + "', required: true}]}}\n"
	if faults := formFaults([]byte(good)); len(faults) != 0 {
		t.Fatalf("got the faults %q in a good form, want none", faults)
	}
	for _, row := range []struct{ name, form string }{
		{"no name", strings.Replace(good, "name: n\n", "", 1)},
		{"unknown key", good + "hello: world\n"},
		{"not YAML", "body: ["},
		{"no warning", strings.Replace(good, "Do not paste", "Paste", 1)},
		{"box not required", strings.Replace(good, "required: true", "required: false", 1)},
		{"other box", strings.Replace(good, "no token", "a token", 1)},
		{"only markdown", markdown},
		{"unknown type", good + "- {type: text, id: b, attributes: {label: m}}\n"},
		{"no label", good + "- {type: input, id: b, attributes: {description: m}}\n"},
		{"unknown attribute", good + "- {type: input, id: b, attributes: {label: m, render: go}}\n"},
		{"label is a boolean", good + "- {type: input, id: b, attributes: {label: true}}\n"},
		{"empty description", good + "- {type: input, id: b, attributes: {label: m, description: ' '}}\n"},
		{"no id", good + "- {type: input, attributes: {label: m}}\n"},
		{"repeated id", good + "- {type: input, id: a, attributes: {label: m}}\n"},
		{"repeated label", good + "- {type: input, id: b, attributes: {label: l}}\n"},
		{"invalid id", good + "- {type: input, id: b c, attributes: {label: m}}\n"},
		{"no options", good + "- {type: dropdown, id: b, attributes: {label: m, options: []}}\n"},
		{"repeated option", good + "- {type: dropdown, id: b, attributes: {label: m, options: [x, x]}}\n"},
		{"boolean option", good + "- {type: dropdown, id: b, attributes: {label: m, options: [x, true]}}\n"},
		{"option none", good + "- {type: dropdown, id: b, attributes: {label: m, options: [x, None]}}\n"},
		{"validation of markdown", good + "- {type: markdown, attributes: {value: m}, validations: {required: true}}\n"},
	} {
		if len(formFaults([]byte(row.form))) == 0 {
			t.Errorf("%s: got no fault, want a fault", row.name)
		}
	}
}

// TestReasonOptions checks that the form for a refused token lists every reason, and no other.
func TestReasonOptions(t *testing.T) {
	var f form
	if err := yaml.Unmarshal(read(t, folder+"ISSUE_TEMPLATE/verdict.yml"), &f); err != nil {
		t.Fatal(err)
	}
	want := []string{"I do not know the reason"}
	for line := range strings.Lines(string(read(t, "../../testdata/api/names.txt"))) {
		if words := strings.Fields(line); len(words) == 2 && words[0] == "reason" {
			want = append(want, words[1])
		}
	}
	var got []string
	for _, e := range f.Body {
		if options, ok := e.Attributes["options"].([]any); ok && e.ID == "reason" {
			for _, option := range options {
				got = append(got, fmt.Sprint(option))
			}
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if len(got) < 2 || !slices.Equal(got, want) {
		t.Errorf("got the reasons %q in verdict.yml, want %q", got, want)
	}
}

// TestChooser checks that an author must use a form, and finds the private report.
func TestChooser(t *testing.T) {
	var config struct {
		Blank *bool                               `yaml:"blank_issues_enabled"`
		Links []struct{ Name, URL, About string } `yaml:"contact_links"`
	}
	if err := yaml.Unmarshal(read(t, folder+"ISSUE_TEMPLATE/config.yml"), &config); err != nil {
		t.Fatal(err)
	}
	if config.Blank == nil || *config.Blank {
		t.Error("got blank issues, want blank_issues_enabled: false")
	}
	private := false
	for _, link := range config.Links {
		if link.Name == "" || link.About == "" || !strings.HasPrefix(link.URL, "https://github.com/bearerkit/bearer/") {
			t.Errorf("got the contact link %+v, want a name, an address in this repository and a text", link)
		}
		private = private || strings.HasSuffix(link.URL, "/security/advisories/new")
	}
	if !private {
		t.Error("got no link to the private report, want one")
	}
}

// TestPullRequestTemplate checks that the template has the warning and the questions.
func TestPullRequestTemplate(t *testing.T) {
	text := strings.Join(strings.Fields(string(read(t, folder+"PULL_REQUEST_TEMPLATE.md"))), " ")
	for _, want := range []string{"Do not paste a token", "Report a vulnerability", ".ci/run", "CHANGELOG.md", "UPGRADING.md", "docs/compatibility.md", "testdata/vectors"} {
		if !strings.Contains(text, want) {
			t.Errorf("got no text %q in the template, want this text", want)
		}
	}
}

func files(t *testing.T, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(folder + pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: got no files and the error %v, want files", pattern, err)
	}
	return names
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name) //nolint:gosec // a file of the repository
	if err != nil {
		t.Fatal(err)
	}
	return text
}
