package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/terminal"
)

func TestBanner(t *testing.T) {
	banner := startProgram(t).banner
	for _, want := range []string{"development and tests only", "in memory", "kill -HUP " + strconv.Itoa(os.Getpid()), "http://127.0.0.1:", "skc_", "org_", "test_"} {
		if !strings.Contains(banner, want) {
			t.Errorf("want a banner with %q, got\n%s", want, banner)
		}
	}
}

// usesToken reports whether a line of the banner declares or calls the function token.
func usesToken(line string) bool {
	return strings.HasPrefix(line, "  token") || strings.Contains(line, "$(token")
}

// runBanner runs the commands of the banner in a shell and returns the JSON responses. It leaves out
// the commands with the function token, which need an API.
func runBanner(t *testing.T, banner string) []map[string]any {
	t.Helper()
	for _, program := range []string{"sh", "curl", "sed"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip("this test needs ", program)
		}
	}
	var script strings.Builder
	for line := range strings.Lines(banner) {
		if command, ok := strings.CutPrefix(line, "  "); ok && !strings.HasPrefix(command, "client ") && !usesToken(line) {
			// With this option, curl prints a line break after each response, so
			// that each line of the output is one response.
			script.WriteString(strings.Replace(command, "curl ", `curl -w '\n' `, 1))
		}
	}
	out, err := exec.CommandContext(t.Context(), "sh", "-eu", "-c", script.String()).Output() //nolint:gosec // the commands are in the banner of the program
	if err != nil {
		t.Fatal(err, script.String())
	}
	var answers []map[string]any
	for line := range strings.Lines(string(out)) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		var answer map[string]any
		if err := json.Unmarshal([]byte(line), &answer); err != nil {
			t.Fatalf("got line %q, want a line in JSON; error: %v", line, err)
		}
		answers = append(answers, answer)
	}
	return answers
}

func TestBannerCommands(t *testing.T) {
	for _, args := range [][]string{nil, {"-tls"}} {
		answers := runBanner(t, startProgram(t, args...).banner)
		members := []string{"plain_secret", "access_token", "keys", "issuer", "key", "endpoint", ""}
		if len(answers) != len(members) {
			t.Fatalf("%v: got %d responses, want %d responses; responses: %v", args, len(answers), len(members), answers)
		}
		for n, name := range members {
			if name == "" && len(answers[n]) != 0 || name != "" && answers[n][name] == nil {
				t.Errorf("%v: got response %v, want a response with %q, or an empty response", args, answers[n], name)
			}
		}
	}
}

// TestBannerSettings checks that an API with the settings in the banner accepts the token that the
// commands in the banner get.
func TestBannerSettings(t *testing.T) {
	p := startProgram(t)
	answers := runBanner(t, p.banner)
	url, audience := p.bannerField(t, "environment URL"), firstGroup(t, p.banner, `\nAudience: \[\]string\{"([^"]*)"\},\n`)
	for _, want := range []string{fmt.Sprintf("\nIssuer:   %q,\n", url), "\nProfile:  bearer.Scalekit,\n", "\n  token | bearer-explain -issuer " + url + " -audience " + audience + " -profile scalekit\n"} {
		if !strings.Contains(p.banner, want) {
			t.Errorf("want a banner with %q, got\n%s", want, p.banner)
		}
	}
	profile, err := bearer.ProfileByName("scalekit")
	if err != nil {
		t.Fatal(err)
	}
	cfg := bearer.Config{Issuer: url, Audience: []string{audience}, Profile: profile, Logger: slog.New(slog.DiscardHandler)}
	verifier, err := bearer.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer verifier.Close()
	if _, err := verifier.Verify(t.Context(), fmt.Sprint(answers[1]["access_token"])); err != nil {
		t.Errorf("got error %v, want a token that is accepted", err)
	}
}

// TestBannerWithoutSignals checks the last line of the banner on a system without SIGHUP.
func TestBannerWithoutSignals(t *testing.T) {
	var out strings.Builder
	if err := writeBanner(&out, terminal.Screen{Width: 80}, banner{URL: "http://localhost:8790"}); err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(out.String(), "\nCtrl-C stops this program.\n") {
		t.Errorf("want a banner that ends without the command kill, got\n%s", out.String())
	}
}

func TestBannerWarnsIfExposed(t *testing.T) {
	for _, exposed := range []bool{false, true} {
		var out strings.Builder
		if err := writeBanner(&out, terminal.Screen{Width: 80}, banner{URL: "http://localhost:8790", Exposed: exposed}); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(out.String(), "WARNING: other machines"); got != exposed {
			t.Errorf("Exposed=%v: got a banner with warning=%v, want a banner with warning=%v", exposed, got, exposed)
		}
	}
}
