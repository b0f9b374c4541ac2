package bearer_test

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// guidePages returns the texts of the pages in docs by file name.
func guidePages(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	pages := map[string]string{}
	for _, file := range files {
		pages[filepath.ToSlash(file)] = readText(t, file)
	}
	if len(pages) < 8 {
		t.Fatalf("got %d pages in docs, want at least 8", len(pages))
	}
	return pages
}

func readText(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file) //nolint:gosec // a file of the repository
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestGuideLinks tests that the file and the heading of every relative link exist, in the guide
// and in the other pages for users.
func TestGuideLinks(t *testing.T) {
	needsRepository(t)
	pages := guidePages(t)
	for _, pattern := range []string{"*.md", "cmd/*/README.md", "examples/*/README.md"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: got files %q and error %v, want at least one file", pattern, files, err)
		}
		for _, file := range files {
			pages[filepath.ToSlash(file)] = readText(t, file)
		}
	}
	links := 0
	code := regexp.MustCompile("(?s)```.*?```|`[^`\n]*`|(?m)^    .*$")
	for page, text := range pages {
		text = code.ReplaceAllString(text, "")
		for _, link := range regexp.MustCompile(`\]\(([^)\s]+)\)`).FindAllStringSubmatch(text, -1) {
			if strings.Contains(link[1], "://") {
				continue
			}
			links++
			file, anchor, _ := strings.Cut(link[1], "#")
			target := page
			if file != "" {
				target = filepath.Join(filepath.Dir(page), filepath.FromSlash(file))
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: link to %s: got error %v, want an existing file", page, link[1], err)
				continue
			}
			if anchor != "" && !headings(readText(t, target))[anchor] {
				t.Errorf("%s: link to %s: there is no heading with this anchor, want one", page, link[1])
			}
		}
	}
	if links < 60 {
		t.Errorf("got %d links, want at least 60", links)
	}
}

// headings returns the anchors of a page's headings, in the form that GitHub generates.
func headings(text string) map[string]bool {
	anchors := map[string]bool{}
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(text, -1) {
		anchor := strings.ToLower(strings.ReplaceAll(heading[1], " ", "-"))
		anchors[regexp.MustCompile(`[^a-z0-9_-]`).ReplaceAllString(anchor, "")] = true
	}
	return anchors
}

// TestGuideReasons tests that docs/reasons.md has, for each reason, a section and a table row
// with the name of the constant.
func TestGuideReasons(t *testing.T) {
	page := guidePages(t)["docs/reasons.md"]
	reasons := regexp.MustCompile(`(?m)^const (\w+) Reason = "(\w+)"$`).FindAllStringSubmatch(readText(t, "testdata/api/bearer.txt"), -1)
	if len(reasons) < 19 {
		t.Fatalf("got %d reasons in testdata/api/bearer.txt, want at least 19", len(reasons))
	}
	for _, reason := range reasons {
		row := "\n| `" + reason[2] + "` | `bearer." + reason[1] + "` | "
		if !strings.Contains(page, row) || !strings.Contains(page, "\n### `"+reason[2]+"`\n") {
			t.Errorf("docs/reasons.md: %s: got no section or no table row, want a section and a row that begins with %q", reason[2], row[1:])
		}
	}
}

// guideReasons returns the values of all reasons.
func guideReasons(t *testing.T) []string {
	t.Helper()
	var reasons []string
	for _, m := range regexp.MustCompile(`(?m)^const \w+ Reason = "(\w+)"$`).FindAllStringSubmatch(readText(t, "testdata/api/bearer.txt"), -1) {
		reasons = append(reasons, m[1])
	}
	return reasons
}

// TestGuideAlerts tests that docs/monitoring.md has a row with the severity of each alert, and that
// the row links to the runbook. The runbook of each alert must exist and must name the alert.
func TestGuideAlerts(t *testing.T) {
	pages := guidePages(t)
	alerts := regexp.MustCompile(`- alert: (\w+)(?s:.*?)severity: (\w+)(?s:.*?)runbook_url: \S+/blob/main/docs/([^\s#]+)(\S*)`).FindAllStringSubmatch(readText(t, "metrics/rules.yml"), -1)
	if len(alerts) < 10 {
		t.Fatalf("got %d alerts in metrics/rules.yml, want at least 10", len(alerts))
	}
	for _, alert := range alerts {
		name, page, anchor := alert[1], alert[3], alert[4]
		if name == "BearerRefusalsJump" {
			anchor = "#list-of-reasons" // the anchor in the alert is the reason
		}
		row := regexp.MustCompile("\n\\| `" + name + "` \\| " + alert[2] + ` \| .* \| \[\w+\]\(` + regexp.QuoteMeta(page+anchor) + `\) \|`)
		if !row.MatchString(pages["docs/monitoring.md"]) {
			t.Errorf("docs/monitoring.md: got no row for %s with severity %s and a link to %s, want one", name, alert[2], page+anchor)
		}
		if !strings.Contains(pages["docs/"+page], "`"+name+"`") && name != "BearerRefusalsJump" { // The whole page is the runbook of BearerRefusalsJump.
			t.Errorf("%s: got no runbook %s that names the alert, want one", name, page)
		}
	}
}

// TestGuideLinksFromMetrics tests the links of the alerts and of the dashboard to the guide. The
// page and the section must exist. A link may contain the reason of a refusal.
func TestGuideLinksFromMetrics(t *testing.T) {
	pages := guidePages(t)
	links := 0
	for _, file := range []string{"metrics/rules.yml", "metrics/dashboard.json"} {
		text := readText(t, file)
		for _, link := range regexp.MustCompile(`https://github\.com/bearerkit/bearer/blob/main/([^\s"#]+)(?:#([^\n"]+))?`).FindAllStringSubmatch(text, -1) {
			links++
			anchors := []string{link[2]}
			if variable := regexp.MustCompile(`^(\{\{ \$labels\.reason \}\}|\$\{__field\.labels\.reason\})$`); variable.MatchString(link[2]) {
				anchors = guideReasons(t)
			}
			for _, anchor := range anchors {
				if page, found := pages[link[1]]; !found || anchor != "" && !headings(page)[anchor] {
					t.Errorf("%s: got link to %s#%s, want a page and a section that exist", file, link[1], anchor)
				}
			}
		}
	}
	if links < 20 {
		t.Errorf("got %d links, want at least 20", links)
	}
}

// TestGuideCode tests that the Go code in the guide has no syntax errors. All names of this
// module's packages and all fields in the guide must be exported.
func TestGuideCode(t *testing.T) {
	api := map[string]string{}
	for _, name := range []string{"bearer", "jwks", "scopes", "middleware", "interceptor", "dpop", "metrics", "tracing", "bearertest"} {
		api[name] = readText(t, filepath.Join("testdata", "api", name+".txt"))
	}
	symbols := 0
	for page, text := range guidePages(t) {
		for _, block := range regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(text, -1) {
			source := "package p\nfunc _() {\n" + block[1] + "\n}\n"
			switch {
			case strings.Contains(block[1], "package "):
				source = block[1]
			case regexp.MustCompile(`(?m)^func `).MatchString(block[1]): // declarations
				source = "package p\n" + block[1]
			}
			if _, err := parser.ParseFile(token.NewFileSet(), page, strings.ReplaceAll(source, "...", ""), 0); err != nil {
				t.Errorf("%s: got syntax error %v in\n%s", page, err, block[1])
			}
		}
		for _, symbol := range regexp.MustCompile(`\b(bearer|jwks|scopes|middleware|interceptor|dpop|metrics|tracing|bearertest)\.([A-Z]\w+)`).FindAllStringSubmatch(text, -1) {
			symbols++
			if other := symbol[0]; other == "jwks.NewCachingProvider" {
				continue // This is a function of Auth0's package jwks.
			}
			if !regexp.MustCompile(`(?m)^(func|type|const|var) ` + symbol[2] + `\b`).MatchString(api[symbol[1]]) {
				t.Errorf("%s: got name %s, want an exported name", page, symbol[0])
			}
		}
		for _, field := range regexp.MustCompile(`\b((?:\w+)?(?:Config|Options))\.([A-Z]\w+)`).FindAllStringSubmatch(text, -1) {
			found := false
			for _, exported := range api {
				found = found || strings.Contains(exported, "type "+field[1]+" struct, "+field[2]+" ")
			}
			if !found {
				t.Errorf("%s: got field %s, want a field of an exported struct", page, field[0])
			}
		}
	}
	if symbols < 50 {
		t.Errorf("got %d names in the guide, want at least 50", symbols)
	}
}

// TestGuideMigration tests that docs/migrating.md states the same HTTP statuses as the tests
// of the programs in examples/migrate.
func TestGuideMigration(t *testing.T) {
	needsRepository(t)
	page := guidePages(t)["docs/migrating.md"]
	columns := []string{"keyfunc/before", "auth0/before", "keyfunc/after", "auth0/after"}
	tested := map[string]map[string]string{}
	for _, program := range columns {
		source := readText(t, filepath.Join("examples", "migrate", filepath.FromSlash(program), "main_test.go"))
		tested[program] = map[string]string{}
		for _, row := range regexp.MustCompile(`(?m)^\s+"([^"]+)":\s+(\d+),`).FindAllStringSubmatch(source, -1) {
			tested[program][row[1]] = row[2]
		}
	}
	rows := 0
	for _, row := range regexp.MustCompile(`(?m)^\| ([^|]+) \| \**(\d+)\** \| \**(\d+)\** \| \**(\d+)\** \|$`).FindAllStringSubmatch(page, -1) {
		rows++
		for i, program := range columns {
			if got, want := row[2+min(i, 2)], tested[program][row[1]]; got != want {
				t.Errorf("docs/migrating.md: %s, %s: got status %s, want %q", row[1], program, got, want)
			}
		}
	}
	if want := len(tested["keyfunc/after"]); rows != want || rows < 10 {
		t.Errorf("got %d rows in docs/migrating.md, want %d", rows, want)
	}
}
