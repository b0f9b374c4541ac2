package metrics_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"

	"github.com/bearerkit/bearer"
)

// exportedMetrics returns the names of all metrics, and the labels of each metric.
func exportedMetrics(t *testing.T) map[string]map[string]bool {
	t.Helper()
	c, registry := newCollector(t, nil, &source{[]bearer.IssuerStatus{healthy("https://a.example")}})
	c.Observe(context.Background(), bearer.Event{Reason: bearer.Expired})
	names := map[string]map[string]bool{}
	for _, family := range gather(t, registry) {
		labels := map[string]bool{"job": true, "instance": true} // Prometheus adds these labels
		for _, pair := range family.Metric[0].Label {
			labels[pair.GetName()] = true
		}
		names[family.GetName()] = labels
		if family.GetType() == dto.MetricType_HISTOGRAM {
			labels["le"] = true
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				names[family.GetName()+suffix] = labels
			}
		}
	}
	return names
}

var (
	metricName = regexp.MustCompile(`\bbearer_\w+`)
	selector   = regexp.MustCompile(`\b(bearer_\w+)(?:\{([^}]*)\})?`)
	matcher    = regexp.MustCompile(`(\w+)\s*(?:=~|!~|!=|=)`)
	grouping   = regexp.MustCompile(`\bby \(([^)]*)\)`)
)

// checkExpr checks a PromQL expression. The Collector must export all metrics in the
// expression, with all labels in the expression. Each failure text begins with prefix.
func checkExpr(t *testing.T, prefix, expr string, exported map[string]map[string]bool) {
	t.Helper()
	found := selector.FindAllStringSubmatch(expr, -1)
	all := map[string]bool{"hash": true} // count_values adds this label
	for _, s := range found {
		labels := exported[s[1]]
		if labels == nil {
			t.Errorf("%s: got metric %s, want a metric that the Collector exports; the expression is %s", prefix, s[1], expr)
		}
		for _, m := range matcher.FindAllStringSubmatch(s[2], -1) {
			if !labels[m[1]] {
				t.Errorf("%s: got label %s, want a label of %s; the expression is %s", prefix, m[1], s[1], expr)
			}
		}
		for label := range labels {
			all[label] = true
		}
	}
	for _, by := range grouping.FindAllStringSubmatch(expr, -1) {
		for label := range strings.SplitSeq(by[1], ",") {
			if label = strings.TrimSpace(label); label != "" && len(found) > 0 && !all[label] {
				t.Errorf("%s: got label %s in a by clause, want a label of the metrics; the expression is %s", prefix, label, expr)
			}
		}
	}
}

// checkVariables checks that each selector of a panel obeys the variables of the dashboard.
func checkVariables(t *testing.T, where, expr string, exported map[string]map[string]bool) {
	t.Helper()
	for _, s := range selector.FindAllStringSubmatch(expr, -1) {
		for _, variable := range []string{"job", "instance", "issuer", "transport"} {
			if matcher := variable + `=~"$` + variable + `"`; exported[s[1]][variable] && !strings.Contains(s[2], matcher) {
				t.Errorf("%s: got no %s in a selector of %s, want this matcher; the expression is %s", where, matcher, s[1], expr)
			}
		}
	}
}

type dashboard struct {
	Templating struct {
		List []struct {
			Name, Definition string
		} `json:"list"`
	} `json:"templating"`
	Annotations struct {
		List []struct {
			Name, TitleFormat, TextFormat string
			Target                        panelTarget
		} `json:"list"`
	} `json:"annotations"`
	Panels []panel `json:"panels"`
}

type panel struct {
	ID                       int
	Type, Title, Description string
	GridPos                  struct{ X, Y, W, H int }
	FieldConfig              fieldConfig
	Targets                  []panelTarget
}

type panelTarget struct {
	RefID        string `json:"refId"`
	Expr         string
	LegendFormat string
	Instant      bool
}

// fieldConfig contains the unit and the colors of a panel.
type fieldConfig struct {
	Defaults  struct{ Unit string }
	Overrides []struct {
		Matcher    struct{ ID, Options string }
		Properties []struct {
			ID    string
			Value any
		}
	}
}

func readDashboard(t *testing.T) dashboard {
	t.Helper()
	text, err := os.ReadFile("dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestDashboard checks the panels of the dashboard. Each panel must query metrics that the
// Collector exports. It must have a title, a description and a unit. It must not overlap a
// different panel.
func TestDashboard(t *testing.T) {
	exported := exportedMetrics(t)
	d := readDashboard(t)
	queried := map[string]bool{}
	ids := map[int]bool{}
	taken := map[[2]int]string{}
	for _, p := range d.Panels {
		where := fmt.Sprintf("panel %d, %s", p.ID, p.Title)
		if ids[p.ID] {
			t.Errorf("%s: got an id that a different panel has, want a unique id", where)
		}
		ids[p.ID] = true
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				spot := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				if taken[spot] != "" || spot[0] > 23 {
					t.Fatalf("%s: got grid position %v, want a position in columns 0 to 23 that no other panel has; this position is used by %q", where, spot, taken[spot])
				}
				taken[spot] = where
			}
		}
		if p.Type == "row" {
			continue
		}
		if p.Title == "" || p.Description == "" || p.FieldConfig.Defaults.Unit == "" || len(p.Targets) == 0 {
			t.Errorf("%s: want a title, a description, a unit and a query; at least one of these is missing", where)
		}
		for _, target := range p.Targets {
			checkExpr(t, where, target.Expr, exported)
			checkVariables(t, where, target.Expr, exported)
			for _, name := range metricName.FindAllString(target.Expr, -1) {
				queried[strings.TrimSuffix(name, "_bucket")] = true
			}
		}
	}
	for _, v := range d.Templating.List {
		if v.Definition == "" {
			continue // the variable for the data source has no query
		}
		checkExpr(t, "variable", v.Definition, exported)
	}
	if len(queried) < 15 {
		t.Errorf("got %d metrics on the dashboard, want at least 15; the Collector exports %d; the dashboard uses %v", len(queried), len(exported), queried)
	}
}

// TestRulesNames checks that each rule uses metrics that the Collector exports. It also
// checks the cases in rules_test.yml. For each alert, there must be a case in which the alert
// fires and a case in which the alert does not fire.
func TestRulesNames(t *testing.T) {
	rules, err := os.ReadFile("rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	exported := exportedMetrics(t)
	exprs := regexp.MustCompile(`(?m)^        expr: (?:\|\n((?:          .*\n)+)|(.*)\n)`).FindAllStringSubmatch(string(rules), -1)
	if want := strings.Count(string(rules), "expr:"); len(exprs) != want || want < 10 {
		t.Fatalf("got %d expressions in rules.yml, want %d and at least 10", len(exprs), want)
	}
	for _, expr := range exprs {
		checkExpr(t, "rules.yml", expr[1]+expr[2], exported)
	}
	cases, err := os.ReadFile(filepath.Join("testdata", "rules_test.yml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, alert := range regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(string(rules), -1) {
		quiet := "alertname: " + alert[1] + ", exp_alerts: []"
		fires := "alertname: " + alert[1] + "\n        exp_alerts:\n          - "
		if !strings.Contains(string(cases), quiet) || !strings.Contains(string(cases), fires) {
			t.Errorf("%s: at least one case is missing in rules_test.yml, want a case in which the alert fires and a case in which the alert does not fire", alert[1])
		}
	}
}

// runPromtool runs the program promtool, which is part of Prometheus. If promtool is not
// installed, the test is skipped.
func runPromtool(t *testing.T, args ...string) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed, so the rules are not tested; on Debian, install the package prometheus")
	}
	if out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput(); err != nil { //nolint:gosec // the arguments are constants and temporary files
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// TestRules checks rules.yml with promtool, and runs the tests in rules_test.yml.
func TestRules(t *testing.T) {
	runPromtool(t, "check", "rules", "rules.yml")
	runPromtool(t, "test", "rules", filepath.Join("testdata", "rules_test.yml"))
}

// TestDashboardExpressions checks the syntax of the expressions on the dashboard with
// promtool.
func TestDashboardExpressions(t *testing.T) {
	var rules strings.Builder
	rules.WriteString("groups:\n- name: dashboard\n  rules:\n")
	n := 0
	for _, p := range readDashboard(t).Panels {
		for _, target := range p.Targets {
			fmt.Fprintf(&rules, "  - record: panel:%d:%s\n    expr: %q\n", p.ID, target.RefID, choice{}.expr(target.Expr))
			n++
		}
	}
	if n < 15 {
		t.Fatalf("got %d expressions on the dashboard, want at least 15", n)
	}
	file := filepath.Join(t.TempDir(), "dashboard.yml")
	if err := os.WriteFile(file, []byte(rules.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	runPromtool(t, "check", "rules", file)
}
