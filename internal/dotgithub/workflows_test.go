package dotgithub_test

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// workflow is the part of a workflow that the rules below need.
type workflow struct {
	On          any
	Permissions map[string]string
	Jobs        map[string]struct {
		Permissions map[string]string
		Timeout     int `yaml:"timeout-minutes"`
		Steps       []struct {
			Uses string
			With map[string]any
			Run  string
		}
	}
}

// extraPermissions lists the permissions that a job may have in addition to contents: read.
var extraPermissions = map[string][]string{
	"codeql.yml analyze": {"actions: read", "security-events: write"},
}

var (
	usesLine = regexp.MustCompile(`(?m)^[\s-]*uses:.*$`)
	pinned   = regexp.MustCompile(`uses: ([\w.-]+/[\w.-]+)(?:/[\w./-]+)?@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)$`)
)

// workflowFaults returns the violations of the rules for workflows. An action is pinned by its
// commit, because its author can move a tag. The token of a job can only read the repository, and is
// not stored on the disk. No workflow runs code of a fork with the rights of the repository, or copies
// a text of a stranger, such as the name of a branch, into a script. A job that runs code of new
// dependencies has no cache, because the other jobs use the files in the cache.
func workflowFaults(name string, text []byte) []string {
	var w workflow
	if err := yaml.Unmarshal(text, &w); err != nil {
		return []string{err.Error()}
	}
	var faults []string
	add := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	commits := map[string]string{}
	for _, line := range usesLine.FindAllString(string(text), -1) {
		match := pinned.FindStringSubmatch(strings.TrimRight(line, "\r"))
		if match == nil {
			add("%s: not pinned by a commit with its version as a comment", strings.TrimSpace(line))
			continue
		}
		pin := match[2] + " " + match[3]
		if other, ok := commits[match[1]]; ok && other != pin {
			add("%s: two versions in one workflow", match[1])
		}
		commits[match[1]] = pin
	}
	if len(w.Permissions) != 1 || w.Permissions["contents"] != "read" {
		add("the permissions of the workflow are %v, not contents: read", w.Permissions)
	}
	for _, word := range []string{"pull_request_target", "workflow_run", "secrets.", "github.event", "github.head_ref", "github.ref_name"} {
		if strings.Contains(string(text), word) {
			add("the workflow uses %s", word)
		}
	}
	for id, job := range w.Jobs {
		for permission, access := range job.Permissions {
			have := permission + ": " + access
			if have != "contents: read" && !slices.Contains(extraPermissions[name+" "+id], have) {
				add("job %s has the permission %s", id, have)
			}
		}
		if job.Timeout <= 0 {
			add("job %s has no timeout-minutes", id)
		}
		updates := false
		for _, step := range slices.Backward(job.Steps) { // the cache is set up before the update
			updates = updates || strings.Contains(step.Run, "go get -u")
			if updates && strings.HasPrefix(step.Uses, "actions/setup-go@") && step.With["cache"] != false {
				add("job %s puts new dependencies into the cache; set cache: false", id)
			}
			if strings.HasPrefix(step.Uses, "actions/checkout@") && step.With["persist-credentials"] != false {
				add("job %s stores the token on the disk; set persist-credentials: false", id)
			}
		}
	}
	return faults
}

// TestWorkflows checks each workflow.
func TestWorkflows(t *testing.T) {
	for _, name := range files(t, "workflows/*.yml") {
		for _, fault := range workflowFaults(filepath.Base(name), read(t, name)) {
			t.Errorf("%s: got the fault %q, want none", name, fault)
		}
	}
}

// TestWorkflowFaults checks that workflowFaults finds each violation.
func TestWorkflowFaults(t *testing.T) {
	const commit = "de0fac2e4500dabe0009e67214ff5f5447ce83dd"
	good := "permissions:\n  contents: read\njobs:\n  a:\n    timeout-minutes: 1\n    steps:\n" +
		"      - uses: actions/checkout@" + commit + " # v6.0.2\n        with:\n          persist-credentials: false\n"
	if faults := workflowFaults("x.yml", []byte(good)); len(faults) != 0 {
		t.Fatalf("got the faults %q in a good workflow, want none", faults)
	}
	for _, row := range []struct{ name, old, changed string }{
		{"tag", "@" + commit, "@v6"},
		{"short commit", commit, commit[:7]},
		{"no comment", " # v6.0.2", ""},
		{"comment without a version", "# v6.0.2", "# v6"},
		{"branch", "@" + commit, "@main"},
		{"two versions", "jobs:", "x:\n  uses: actions/checkout@" + strings.Repeat("0", 40) + " # v5.0.0\njobs:"},
		{"no permissions", "permissions:\n  contents: read\n", ""},
		{"write permission", "contents: read", "contents: write"},
		{"all permissions", "permissions:\n  contents: read", "permissions: write-all"},
		{"write permission of a job", "timeout-minutes: 1", "timeout-minutes: 1\n    permissions: {contents: write}"},
		{"upload permission of another job", "timeout-minutes: 1", "timeout-minutes: 1\n    permissions: {security-events: write}"},
		{"no timeout", "    timeout-minutes: 1\n", ""},
		{"stored token", "persist-credentials: false", "fetch-depth: 0"},
		{"stored token, by default", "        with:\n          persist-credentials: false\n", ""},
		{"cache of new dependencies", "      - uses", "      - uses: actions/setup-go@" + commit + " # v6.3.0\n      - run: go get -u ./...\n      - uses"},
		{"title in a script", "    steps:\n", "    steps:\n      - run: echo '${{ github.event.pull_request.title }}'\n"},
		{"branch in a script", "    steps:\n", "    steps:\n      - run: git switch ${{ github.head_ref }}\n"},
		{"code of a fork", "jobs:", "on: pull_request_target\njobs:"},
		{"secret", "jobs:", "env:\n  A: ${{ secrets.A }}\njobs:"},
	} {
		changed := strings.Replace(good, row.old, row.changed, 1)
		if changed == good || len(workflowFaults("x.yml", []byte(changed))) == 0 {
			t.Errorf("%s: got no fault in\n%s\nwant a fault", row.name, changed)
		}
	}
}

// TestDependabot checks that Dependabot watches every module, the packages of npm, the images of Docker
// and the actions.
func TestDependabot(t *testing.T) {
	var config struct {
		Version int
		Updates []struct {
			Ecosystem   string   `yaml:"package-ecosystem"`
			Directory   string   `yaml:"directory"`
			Directories []string `yaml:"directories"`
		}
	}
	if err := yaml.Unmarshal(read(t, folder+"dependabot.yml"), &config); err != nil {
		t.Fatal(err)
	}
	watched := map[string][]string{}
	for _, update := range config.Updates {
		watched[update.Ecosystem] = append(update.Directories, update.Directory)
	}
	// The pattern **/* covers the root and every folder.
	if config.Version != 2 || !slices.Contains(watched["gomod"], "**/*") || !slices.Contains(watched["github-actions"], "/") {
		t.Errorf("got version %d and the folders %v, want version 2, gomod in **/* and github-actions in /", config.Version, watched)
	}
	for ecosystem, name := range map[string]string{"npm": "package.json", "docker": "Dockerfile"} {
		found := find(t, name)
		for _, file := range found {
			if dir := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(file)), "../.."); !slices.Contains(watched[ecosystem], dir) {
				t.Errorf("got the folders %v for %s, want %s too", watched[ecosystem], ecosystem, dir)
			}
		}
		if got := len(watched[ecosystem]) - 1; got != len(found) { // the last element is Directory
			t.Errorf("got %d folders for %s, want %d", got, ecosystem, len(found))
		}
	}
	if found := find(t, "requirements.txt"); len(found) != 0 {
		t.Errorf("got the files %q, want an entry for them in dependabot.yml and in this test", found)
	}
}

// find returns the files of the repository with this name, outside of testdata.
func find(t *testing.T, name string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == "node_modules" || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if d.Name() == name {
			found = append(found, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
