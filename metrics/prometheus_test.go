package metrics_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// prometheus is a running server of the program prometheus.
type prometheusServer struct{ url string }

// series is one series of the result of a query. Value is the value of an instant query.
type series struct {
	Labels map[string]string
	Value  float64
}

var listening = regexp.MustCompile(`msg="Listening on".* address=(127\.0\.0\.1:\d+)`)

// startPrometheus starts the program prometheus on a free port of 127.0.0.1, with rules.yml. Each
// target is the address of a replica of the job "api". If prometheus is not installed, the test is
// skipped.
func startPrometheus(t *testing.T, targets ...string) *prometheusServer {
	t.Helper()
	path, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("prometheus is not installed, so the dashboard is not tested against a server; on Debian, install the package prometheus")
	}
	rules, err := filepath.Abs("rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	config := fmt.Sprintf("global: {scrape_interval: %[1]s, scrape_timeout: %[1]s, evaluation_interval: %[1]s}\nrule_files: [%[2]q]\n"+
		"scrape_configs: [{job_name: api, static_configs: [{targets: [%[3]s]}]}]\n", scrapeInterval, rules, strings.Join(targets, ", "))
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())                                        // t.Context ends before the cleanup that waits
	cmd := exec.CommandContext(ctx, path, "--config.file="+filepath.Join(dir, "prometheus.yml"), //nolint:gosec // the arguments are constants and temporary files
		"--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address=127.0.0.1:0")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	address, ended := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(ended)
		var lines strings.Builder
		for scanner := bufio.NewScanner(log); scanner.Scan(); {
			lines.WriteString(scanner.Text() + "\n")
			if m := listening.FindStringSubmatch(scanner.Text()); m != nil && len(address) == 0 {
				address <- m[1]
			}
		}
		if len(address) == 0 {
			address <- lines.String() // the log explains why the server does not listen
		}
	}()
	t.Cleanup(func() {
		stop()
		<-ended
		_ = cmd.Wait() // the error says that the server was interrupted
	})
	select {
	case got := <-address:
		if !strings.HasPrefix(got, "127.0.0.1:") {
			t.Fatalf("prometheus does not listen; its log is\n%s", got)
		}
		return &prometheusServer{"http://" + got}
	case <-time.After(time.Minute):
		t.Fatal("prometheus does not listen after 1 min")
	}
	return nil
}

// get sends a request to the API of Prometheus, and stores the data of the response in data.
func (p *prometheusServer) get(t *testing.T, path string, params url.Values, data any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"/api/v1/"+path+"?"+params.Encode(), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer := struct {
		Status, Error string
		Data          any
	}{Data: data}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || answer.Status != "success" {
		t.Fatalf("%s with %v: got %s %s, error %v; want success", path, params, answer.Status, answer.Error, err)
	}
}

// query returns the values of an expression at a time.
func (p *prometheusServer) query(t *testing.T, expr string, at time.Time) []series {
	t.Helper()
	var data struct {
		Result []struct {
			Metric map[string]string
			Value  [2]any
		}
	}
	p.get(t, "query", url.Values{"query": {expr}, "time": {unix(at)}}, &data)
	all := make([]series, len(data.Result))
	for i, r := range data.Result {
		text, ok := r.Value[1].(string)
		value, err := strconv.ParseFloat(text, 64)
		if !ok || err != nil {
			t.Fatalf("%s: got value %v, want a number", expr, r.Value)
		}
		all[i] = series{r.Metric, value}
	}
	return all
}

// queryRange returns the series of an expression between two times, without their values.
func (p *prometheusServer) queryRange(t *testing.T, expr string, start, end time.Time) []series {
	t.Helper()
	var data struct {
		Result []struct{ Metric map[string]string }
	}
	p.get(t, "query_range", url.Values{"query": {expr}, "start": {unix(start)}, "end": {unix(end)}, "step": {"1"}}, &data)
	all := make([]series, len(data.Result))
	for i, r := range data.Result {
		all[i].Labels = r.Metric
	}
	return all
}

func unix(at time.Time) string { return strconv.FormatFloat(float64(at.UnixMilli())/1e3, 'f', 3, 64) }
