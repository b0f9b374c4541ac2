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

// exportedMetrics returns the names that can be asked for, each with its labels.
func exportedMetrics(t *testing.T) map[string]map[string]bool {
	t.Helper()
	c, registry := newCollector(t, nil, &source{[]bearer.IssuerStatus{healthy("https://a.example")}})
	c.Observe(context.Background(), bearer.Event{Reason: bearer.Expired})
	names := map[string]map[string]bool{}
	for _, family := range gather(t, registry) {
		labels := map[string]bool{"job": true, "instance": true} // Prometheus adds them
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

// checkExpr wants an expression to name metrics that there are, and labels that
// they have.
func checkExpr(t *testing.T, where, expr string, exported map[string]map[string]bool) {
	t.Helper()
	found := selector.FindAllStringSubmatch(expr, -1)
	all := map[string]bool{"hash": true} // which count_values makes
	for _, s := range found {
		labels := exported[s[1]]
		if labels == nil {
			t.Errorf("%s: got %s, which is not exported: %s", where, s[1], expr)
		}
		for _, m := range matcher.FindAllStringSubmatch(s[2], -1) {
			if !labels[m[1]] {
				t.Errorf("%s: got label %s, which %s does not have: %s", where, m[1], s[1], expr)
			}
		}
		for label := range labels {
			all[label] = true
		}
	}
	for _, by := range grouping.FindAllStringSubmatch(expr, -1) {
		for label := range strings.SplitSeq(by[1], ",") {
			if label = strings.TrimSpace(label); label != "" && len(found) > 0 && !all[label] {
				t.Errorf("%s: got label %s, which no metric of it has: %s", where, label, expr)
			}
		}
	}
}

type dashboard struct {
	Templating struct {
		List []struct {
			Definition string `json:"definition"`
		} `json:"list"`
	} `json:"templating"`
	Panels []panel `json:"panels"`
}

type panel struct {
	ID                       int
	Type, Title, Description string
	GridPos                  struct{ X, Y, W, H int }
	FieldConfig              struct{ Defaults struct{ Unit string } }
	Targets                  []struct {
		RefID string `json:"refId"`
		Expr  string
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

// TestDashboard wants each panel to ask for what the collector exports, to say
// what it shows, and to stand where no other one does.
func TestDashboard(t *testing.T) {
	exported := exportedMetrics(t)
	d := readDashboard(t)
	asked := map[string]bool{}
	ids := map[int]bool{}
	taken := map[[2]int]string{}
	for _, p := range d.Panels {
		where := fmt.Sprintf("panel %d, %s", p.ID, p.Title)
		if ids[p.ID] {
			t.Errorf("%s: got its id twice", where)
		}
		ids[p.ID] = true
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				spot := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				if taken[spot] != "" || spot[0] > 23 {
					t.Fatalf("%s: got it at %v, which is off the grid or that of %s", where, spot, taken[spot])
				}
				taken[spot] = where
			}
		}
		if p.Type == "row" {
			continue
		}
		if p.Title == "" || p.Description == "" || p.FieldConfig.Defaults.Unit == "" || len(p.Targets) == 0 {
			t.Errorf("%s: got a panel without title, description, unit or target", where)
		}
		for _, target := range p.Targets {
			checkExpr(t, where, target.Expr, exported)
			for _, name := range metricName.FindAllString(target.Expr, -1) {
				asked[strings.TrimSuffix(name, "_bucket")] = true
			}
		}
	}
	for _, v := range d.Templating.List {
		if v.Definition == "" {
			continue // the data source
		}
		checkExpr(t, "variable", v.Definition, exported)
	}
	if len(asked) < 15 {
		t.Errorf("got %d metrics on the dashboard, want most of the %d: %v", len(asked), len(exported), asked)
	}
}

// TestRulesNames wants each rule to ask for what the collector exports, and each
// alert to be tried in a case where it fires and in one where it does not.
func TestRulesNames(t *testing.T) {
	rules, err := os.ReadFile("rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	exported := exportedMetrics(t)
	exprs := regexp.MustCompile(`(?m)^        expr: (?:\|\n((?:          .*\n)+)|(.*)\n)`).FindAllStringSubmatch(string(rules), -1)
	if want := strings.Count(string(rules), "expr:"); len(exprs) != want || want < 10 {
		t.Fatalf("got %d expressions, want %d", len(exprs), want)
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
			t.Errorf("%s: got no test where it fires, or none where it does not", alert[1])
		}
	}
}

// promtool runs Prometheus's own tool, which comes with the server.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed (it is in Debian's package prometheus): rules are not tested")
	}
	if out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput(); err != nil { //nolint:gosec // arguments of ours
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// TestRules checks the alerts and runs their unit tests.
func TestRules(t *testing.T) {
	promtool(t, "check", "rules", "rules.yml")
	promtool(t, "test", "rules", filepath.Join("testdata", "rules_test.yml"))
}

// TestDashboardExpressions has Prometheus parse what the panels ask for.
func TestDashboardExpressions(t *testing.T) {
	var rules strings.Builder
	rules.WriteString("groups:\n- name: dashboard\n  rules:\n")
	n := 0
	for _, p := range readDashboard(t).Panels {
		for _, target := range p.Targets {
			expr := strings.NewReplacer("$__rate_interval", "5m", "$job", "api", "$issuer", "i").Replace(target.Expr)
			fmt.Fprintf(&rules, "  - record: panel:%d:%s\n    expr: %q\n", p.ID, target.RefID, expr)
			n++
		}
	}
	if n < 15 {
		t.Fatalf("got %d expressions, want those of all panels", n)
	}
	file := filepath.Join(t.TempDir(), "dashboard.yml")
	if err := os.WriteFile(file, []byte(rules.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "check", "rules", file)
}
