package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bearerkit/bearer/internal/release/modproxy"
)

// modulePath is the path of the root module.
const modulePath = "github.com/bearerkit/bearer"

// options are the arguments of the program.
type options struct {
	version, tree, out       string
	sbom, platforms, rebuild string
	modCache                 string
	write, security          bool
}

// release is one run of the program.
type release struct {
	options
	log io.Writer

	work    string            // a temporary folder
	clone   string            // a clone of the repository, in the folder work; it contains the release
	old     string            // a clone of the last release, in the folder work
	branch  string            // the branch that the release is made from: main, or release-X.Y
	head    string            // the commit that the release is made from
	last    string            // the version of the last release; empty before the first release
	modules []modproxy.Module // the modules of this release
	env     []string          // the go command takes the modules of both releases from a proxy in the folder work
	notes   string            // the section of the release in CHANGELOG.md
}

// run makes the release. It writes the steps to log.
func (o options) run(ctx context.Context, log io.Writer) (err error) {
	r := release{options: o, log: log}
	if r.tree, err = filepath.Abs(r.tree); err != nil {
		return err
	}
	if r.work, err = os.MkdirTemp("", "release"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(r.work)) }()
	for _, dir := range []*string{&r.out, &r.modCache} {
		if *dir != "" && !filepath.IsAbs(*dir) {
			*dir = filepath.Join(r.tree, *dir)
		}
	}
	for _, step := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"check the repository and the version", r.checkTree},
		{"write the pages", r.writePages},
		{"compare testdata/api with the code", r.checkGolden},
		{"write the versions into go.mod and go.sum", r.writeVersions},
		{"compare the API with the last release", r.compareAPI},
		{"check go.mod and go.sum of the released modules", r.checkTidy},
		{"build the published modules", r.checkPublished},
		{"build the programs", r.buildPrograms},
		{"write the notes", r.writeNotes},
		{"add the release to the repository", r.finish},
	} {
		r.printf("=== %s", step.name)
		start := time.Now()
		if err := step.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		r.printf("--- %.0f s", time.Since(start).Seconds())
	}
	return nil
}

func (r *release) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(r.log, format+"\n", args...) // a release does not fail if its log fails
}

// command runs a program in a folder, and returns its standard output without the newline at the
// end. If env is nil, the program gets the environment of this program. If the program fails, the
// error contains its output.
func command(ctx context.Context, dir string, env []string, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // the commands come from this program
	if env == nil {
		env = os.Environ()
	}
	cmd.Dir, cmd.Env = dir, slices.Concat(env, []string{"PWD=" + dir})
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s%s", filepath.Base(name), strings.Join(args, " "), err, &stdout, &stderr)
	}
	return strings.TrimSuffix(stdout.String(), "\n"), nil
}

func git(ctx context.Context, dir string, args ...string) (string, error) {
	return command(ctx, dir, nil, "git", args...)
}

// goTool runs the go command with the proxy.
func (r *release) goTool(ctx context.Context, dir string, args ...string) (string, error) {
	return command(ctx, dir, r.env, "go", args...)
}

// nested returns the published modules except the root module.
func (r *release) nested() []modproxy.Module {
	var nested []modproxy.Module
	for _, m := range r.modules {
		if m.Published && m.Dir != "." {
			nested = append(nested, m)
		}
	}
	return nested
}
