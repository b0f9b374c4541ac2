package metrics_test

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearer/bearertest"
)

const (
	scrapeInterval = "500ms"
	rateInterval   = "4s" // replaces $__rate_interval
	busyBatches    = 10   // the minimum number of batches after the quiet batches; they take longer than rateInterval
)

// legendLabel is a label in the format of a legend.
var legendLabel = regexp.MustCompile(`\{\{\s*(\w+)\s*\}\}`)

// legend returns the name of a series in a panel.
func legend(format string, labels map[string]string) string {
	name := legendLabel.ReplaceAllStringFunc(format, func(label string) string {
		return labels[legendLabel.FindStringSubmatch(label)[1]]
	})
	return strings.Join(strings.Fields(name), " ")
}

// choice contains the values of the dashboard's variables that a person has chosen. All values are
// chosen if the value is "".
type choice struct{ job, instance, issuer, transport string }

// expr returns the expression that Grafana sends for a panel.
func (c choice) expr(text string) string {
	return strings.NewReplacer(
		"$__rate_interval", rateInterval, "$__range", "60s", "$__interval", "1s",
		"$job", cmp.Or(c.job, ".*"), "$instance", cmp.Or(c.instance, ".*"),
		"$issuer", cmp.Or(strings.ReplaceAll(regexp.QuoteMeta(c.issuer), `\`, `\\`), ".*"), "$transport", cmp.Or(c.transport, ".*"),
	).Replace(text)
}

// live is a dashboard whose server has scraped two replicas.
type live struct {
	*prometheusServer
	dashboard
	issuer     string // the real issuer
	replicas   []string
	start, end time.Time
}

// newLive starts two replicas and a Prometheus that scrapes them. It waits until the last
// rateInterval contains only busy batches.
func newLive(t *testing.T) live {
	t.Helper()
	issuer := bearertest.NewIssuer(nil)
	t.Cleanup(issuer.Close)
	l := live{dashboard: readDashboard(t), issuer: issuer.URL(), start: time.Now()}
	var replicas []*replica
	for number := range 2 {
		r, address := newReplica(t, number+1, issuer)
		replicas, l.replicas = append(replicas, r), append(l.replicas, address)
	}
	l.prometheusServer = startPrometheus(t, l.replicas...)
	// Wait for a window without missed scrapes, because a loaded machine may miss some.
	complete := `sum(min_over_time(up{job="api"}[` + rateInterval + `])) == 2`
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if l.end = time.Now(); l.end.After(deadline) {
			t.Fatalf("got %d and %d scrapes after 2 min, want more than %d, and none missed in the last %s",
				replicas[0].served(), replicas[1].served(), quietBatches+busyBatches, rateInterval)
		}
		if replicas[0].served() > quietBatches+busyBatches && replicas[1].served() > quietBatches+busyBatches &&
			len(l.query(t, complete, l.end)) == 1 {
			return l
		}
	}
}

// values returns the values of a panel at the end, by legend.
func (l live) values(t *testing.T, title string, c choice) map[string]float64 {
	t.Helper()
	values := map[string]float64{}
	for _, p := range l.Panels {
		if p.Title != title {
			continue
		}
		for _, target := range p.Targets {
			for _, s := range l.query(t, c.expr(target.Expr), l.end) {
				name := legend(target.LegendFormat, s.Labels)
				if _, found := values[name]; found {
					t.Errorf("%s: got two series with the legend %q, want one", title, name)
				}
				if !math.IsNaN(s.Value) { // Grafana draws no line
					values[name] = s.Value
				}
			}
		}
		return values
	}
	t.Errorf("got no panel %q, want one", title)
	return nil
}

// TestPanels runs the queries of each panel with real metrics, and compares the legends and the
// values with the requests that the replicas have sent.
func TestPanels(t *testing.T) {
	l := newLive(t)
	t.Run("ratios", l.testRatios)
	t.Run("values", l.testValues)
	t.Run("shapes", l.testShapes)
	t.Run("choices", l.testChoices)
	t.Run("variables", l.testVariables)
	t.Run("annotations", l.testAnnotations)
	t.Run("rules", l.testRules)
}

// testRatios checks panels that show rates. The expected values are the numbers of requests in one
// batch of one replica. A loaded machine changes all rates by the same factor, so the test compares
// each value with the sum of all values. The panel must have no other series, except those with the
// value 0.
func (l live) testRatios(t *testing.T) {
	for title, want := range map[string]map[string]float64{
		"Requests by result": {"allowed": 46, "refused": 7, "reported": 2, "abandoned": 1},
		"Refusals by reason": {"no_token": 3, "expired": 1, "issuer": 1, "scope": 1, "internal": 1},
		"Requests by route": {
			"http GET /deployments": 13, "http POST /deployments": 1, "http GET /reports": 2, "grpc /deploy.v1.Deployments/Create": 4,
			"http GET /u": 6, "http GET /v": 6, "http GET /w": 6, "http GET /x": 6, "http GET /y": 6, "http GET /z": 6,
		},
		"Tokens with unknown keys": {
			healthyName + " refreshed": 1, sourcesName + " file:///keys refreshed": 1, sourcesName + " https://sources.example/keys refreshed": 1,
			healthyName + " denied": 4, sourcesName + " file:///keys denied": 4, sourcesName + " https://sources.example/keys denied": 4,
		},
	} {
		got := l.values(t, title, choice{})
		maps.DeleteFunc(got, func(_ string, v float64) bool { return v == 0 })
		if !slices.Equal(slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want))) {
			t.Errorf("%s: got series %v, want series %v", title, got, want)
			continue
		}
		all, wantAll := sum(got), sum(want)
		for name, n := range want {
			if share := got[name] / all; math.Abs(share-n/wantAll) > 0.02 {
				t.Errorf("%s, %s: got share %.3f, want %.3f", title, name, share, n/wantAll)
			}
		}
	}
}

func sum(values map[string]float64) (all float64) {
	for _, v := range values {
		all += v
	}
	return all
}

// between is an interval of values.
type between struct{ low, high float64 }

// exactly returns the interval of one value, for numbers that may have a rounding error.
func exactly(v float64) between { return between{v - 0.01, v + 0.01} }

// testValues checks panels whose values do not depend on the load of the machine.
func (l live) testValues(t *testing.T) {
	one, two := l.replicas[0], l.replicas[1]
	file, url := sourcesName+" file:///keys", sourcesName+" https://sources.example/keys"
	for title, want := range map[string]map[string]between{
		"Share of refused requests by issuer": {l.issuer: exactly(3.0 / 11), healthyName: exactly(0)},
		"Time of a verdict": {
			"p50 hit": {0, 1}, "p99 hit": {0, 1}, "p50 miss": {0, 10}, "p99 miss": {0.001, 10},
		},
		"Token cache hit ratio": {l.issuer: exactly(0.8), healthyName: exactly(0.9)},
		"Token cache size and evictions": {
			"entries " + l.issuer: {2, 1e6}, "capacity " + l.issuer: {1000, 1e6}, "evictions " + l.issuer: exactly(0),
			"entries " + healthyName: exactly(14), "capacity " + healthyName: exactly(200), "evictions " + healthyName: {1, 40},
			"entries " + sourcesName: exactly(0), "capacity " + sourcesName: exactly(0), "evictions " + sourcesName: exactly(0),
			"entries " + missingName: exactly(0), "capacity " + missingName: exactly(0), "evictions " + missingName: exactly(0),
		},
		"Keys ready":         {l.issuer: exactly(1), healthyName: exactly(1), sourcesName: exactly(1), missingName: exactly(0)},
		"Different key sets": {l.issuer: exactly(1), healthyName: exactly(2), file: exactly(1), url: exactly(1)},
		"Stale replicas":     {l.issuer: exactly(0), healthyName: exactly(0), missingName: exactly(0), file: exactly(0), url: exactly(2)},
		"Unusable keys":      {l.issuer: exactly(0), healthyName: exactly(2), missingName: exactly(0), file: exactly(2), url: exactly(2)},
		"Keys by replica": {
			l.issuer + " " + one: exactly(2), healthyName + " " + one: exactly(2), missingName + " " + one: exactly(0), file + " " + one: exactly(2), url + " " + one: exactly(2),
			l.issuer + " " + two: exactly(2), healthyName + " " + two: exactly(2), missingName + " " + two: exactly(0), file + " " + two: exactly(2), url + " " + two: exactly(2),
		},
		"Consecutive failures": {
			l.issuer + " " + one: exactly(0), healthyName + " " + one: exactly(0), missingName + " " + one: exactly(5), file + " " + one: exactly(0), url + " " + one: exactly(0),
			l.issuer + " " + two: exactly(0), healthyName + " " + two: exactly(1), missingName + " " + two: exactly(5), file + " " + two: exactly(1), url + " " + two: exactly(1),
		},
		"Time since the last attempt": {
			l.issuer + " " + one: {0, 60}, healthyName + " " + one: {14, 60}, missingName + " " + one: {9, 60}, file + " " + one: {14, 60}, url + " " + one: {14, 60},
			l.issuer + " " + two: {0, 60}, healthyName + " " + two: {199, 260}, missingName + " " + two: {9, 60}, file + " " + two: {199, 260}, url + " " + two: {199, 260},
		},
		"Age of the keys": {
			l.issuer: {0, 60}, healthyName: {399, 460}, file: {399, 460}, url: {399, 460}, "MaxStale": exactly(12 * 3600),
		},
		"Refreshes by result": l.refreshes(),
	} {
		got := l.values(t, title, choice{})
		if !slices.Equal(slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want))) {
			t.Errorf("%s: got series %v, want series %v", title, got, slices.Sorted(maps.Keys(want)))
			continue
		}
		for name, v := range want {
			if !(got[name] >= v.low && got[name] <= v.high) {
				t.Errorf("%s, %s: got %v, want %v to %v", title, name, got[name], v.low, v.high)
			}
		}
	}
}

// refreshes returns the values of the panel "Refreshes by result". The increases in the window
// depend on the load of the machine, but an increase must not be 0.
func (l live) refreshes() map[string]between {
	want := map[string]between{}
	for _, result := range []string{"refreshed", "not_modified", "failed", "rejected"} {
		want[missingName+" "+result] = exactly(0)
		want[l.issuer+" "+result] = exactly(0)
		for _, name := range []string{healthyName, sourcesName + " file:///keys", sourcesName + " https://sources.example/keys"} {
			want[name+" "+result] = between{1, 100}
		}
	}
	return want
}

// testShapes checks the result of each query from the start of the run to its end. Two series of a
// panel must not have the same legend. A panel for the ten largest values must not have more series.
func (l live) testShapes(t *testing.T) {
	queries := 0
	for _, p := range l.Panels {
		legends := map[string]bool{}
		for _, target := range p.Targets {
			queries++
			all := l.queryRange(t, choice{}.expr(target.Expr), l.start, l.end)
			if len(all) == 0 {
				t.Errorf("%s: got no series, want at least one; the expression is %s", p.Title, target.Expr)
			}
			for _, s := range all {
				name := legend(target.LegendFormat, s.Labels)
				if legends[name] {
					t.Errorf("%s: got two series with the legend %q, want one", p.Title, name)
				}
				legends[name] = true
			}
		}
		if strings.Contains(p.Description, " ten ") && !target(p).Instant && len(legends) != 10 {
			t.Errorf("%s: got %d series, want 10: %v", p.Title, len(legends), slices.Sorted(maps.Keys(legends)))
		}
	}
	if queries < 20 {
		t.Errorf("got %d queries, want at least 20", queries)
	}
}

func target(p panel) panelTarget {
	if len(p.Targets) == 0 {
		return panelTarget{}
	}
	return p.Targets[0]
}

// testChoices checks that the variables of the dashboard select what their labels say.
func (l live) testChoices(t *testing.T) {
	all := sum(l.values(t, "Requests by result", choice{}))
	for _, test := range []struct {
		choice
		share float64
	}{
		{choice{job: "api"}, 1},
		{choice{job: "other-service"}, 0},
		{choice{instance: l.replicas[0]}, 0.5},
		{choice{issuer: l.issuer}, 11.0 / 56},
		{choice{transport: "grpc"}, 4.0 / 56},
		{choice{instance: l.replicas[1], transport: "grpc", issuer: healthyName}, 2.0 / 56},
		{choice{transport: "grpc", issuer: l.issuer}, 0},
	} {
		if share := sum(l.values(t, "Requests by result", test.choice)) / all; math.Abs(share-test.share) > 0.05 {
			t.Errorf("with %+v: got share %.3f of the requests, want %.3f", test.choice, share, test.share)
		}
	}
	// Each panel must obey the choice of an instance.
	for _, p := range l.Panels {
		if p.Type != "row" {
			if got := l.values(t, p.Title, choice{instance: "127.0.0.1:1"}); len(got) > 0 {
				t.Errorf("%s: with an instance that does not exist: got %v, want no series", p.Title, got)
			}
		}
	}
}

var labelValues = regexp.MustCompile(`^label_values\((.+), (\w+)\)$`)

// testVariables checks the values that the dashboard offers for each variable.
func (l live) testVariables(t *testing.T) {
	want := map[string][]string{
		"job": {"api"}, "instance": l.replicas, "transport": {"grpc", "http"},
		"issuer": {l.issuer, healthyName, missingName, sourcesName, "none", "other"},
	}
	for _, v := range l.Templating.List {
		m := labelValues.FindStringSubmatch(v.Definition)
		if m == nil {
			continue // the variable for the data source has no query
		}
		var got []string
		l.get(t, "label/"+m[2]+"/values", url.Values{"match[]": {choice{}.expr(m[1])}}, &got)
		slices.Sort(want[v.Name])
		if slices.Sort(got); m[2] != v.Name || !slices.Equal(got, want[v.Name]) {
			t.Errorf("variable %s: got values %v of the label %s, want %v", v.Name, got, m[2], want[v.Name])
		}
		delete(want, v.Name)
	}
	for name := range want {
		t.Errorf("got no variable %s, want one", name)
	}
}

// testAnnotations checks that the dashboard marks the rotation of the keys of the real issuer, and
// nothing else.
func (l live) testAnnotations(t *testing.T) {
	found := false
	for _, a := range l.Annotations.List {
		found = true
		var names []string
		for _, s := range l.queryRange(t, choice{}.expr(a.Target.Expr), l.start, l.end) {
			names = append(names, s.Labels["issuer"])
		}
		if !slices.Equal(names, []string{l.issuer}) {
			t.Errorf("%s: got annotations for %v, want only for %s", a.Name, names, l.issuer)
		}
		if !strings.Contains(a.TitleFormat+a.TextFormat, "{{issuer}}") {
			t.Errorf("%s: got title %q and text %q, want the issuer in one of them", a.Name, a.TitleFormat, a.TextFormat)
		}
	}
	if !found {
		t.Error("got no annotations, want annotations for rotations")
	}
}

// testRules checks that Prometheus evaluates all rules, and that the alerts about the faults of the
// replicas are active. Their annotations must have no errors of templates.
func (l live) testRules(t *testing.T) {
	var rules struct {
		Groups []struct {
			Rules []struct{ Name, Type, Health, LastError string }
		}
	}
	l.get(t, "rules", nil, &rules)
	n := 0
	for _, group := range rules.Groups {
		for _, rule := range group.Rules {
			if n++; rule.Health != "ok" {
				t.Errorf("rule %s: got health %s, error %s; want ok", rule.Name, rule.Health, rule.LastError)
			}
			if rule.Type == "recording" && len(l.query(t, rule.Name, l.end)) == 0 {
				t.Errorf("rule %s: got no series, want at least one", rule.Name)
			}
		}
	}
	var alerts struct {
		Alerts []struct{ Labels, Annotations map[string]string }
	}
	l.get(t, "alerts", nil, &alerts)
	active := map[string]bool{}
	for _, alert := range alerts.Alerts {
		active[alert.Labels["alertname"]] = true
		for name, text := range alert.Annotations {
			if strings.Contains(text, "{{") || strings.Contains(text, "<") {
				t.Errorf("%s: got annotation %s: %s; want a text without template errors", alert.Labels["alertname"], name, text)
			}
		}
		if u, err := url.Parse(alert.Annotations["runbook_url"]); err != nil || u.Scheme != "https" || !strings.HasSuffix(u.Path, ".md") {
			t.Errorf("%s: got runbook_url %q, want the address of a page", alert.Labels["alertname"], alert.Annotations["runbook_url"])
		}
	}
	want := []string{
		"BearerInternalErrors", "BearerKeySetMissing", "BearerKeySetStale", "BearerRefreshFailing", "BearerRefusalsJump",
		"BearerReplicasDisagree", "BearerRotationRefused",
	}
	if got := slices.Sorted(maps.Keys(active)); !slices.Equal(got, want) || n < 15 {
		t.Errorf("got %d rules and the active alerts %v, want at least 15 rules and the alerts %v", n, got, fmt.Sprint(want))
	}
}
