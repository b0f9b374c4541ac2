package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/semver"

	"github.com/bearerkit/bearer/internal/release/modproxy"
)

// checkTree checks that the repository is ready for a release, and clones the repository.
func (r *release) checkTree(ctx context.Context) (err error) {
	if changes, err := git(ctx, r.tree, "status", "--porcelain"); err != nil {
		return err
	} else if changes != "" {
		return fmt.Errorf("the repository has changes that are not committed:\n%s", changes)
	}
	if r.branch, err = git(ctx, r.tree, "rev-parse", "--abbrev-ref", "HEAD"); err != nil {
		return err
	}
	if series := "release-" + strings.TrimPrefix(semver.MajorMinor(r.version), "v"); r.branch != "main" && r.branch != series {
		return fmt.Errorf("got the branch %s, want main, or %s for a patch release", r.branch, series)
	}
	if shallow, err := git(ctx, r.tree, "rev-parse", "--is-shallow-repository"); err != nil {
		return err
	} else if shallow != "false" {
		return fmt.Errorf("the clone is shallow, so tags can be missing; run git fetch --unshallow --tags")
	}
	if r.head, err = git(ctx, r.tree, "rev-parse", "HEAD"); err != nil {
		return err
	}
	if err := r.checkFiles(ctx); err != nil {
		return err
	}
	if err := r.checkTags(ctx); err != nil {
		return err
	}
	r.clone = filepath.Join(r.work, "clone")
	if _, err := git(ctx, r.work, "clone", "-q", r.tree, r.clone); err != nil {
		return err
	}
	return r.copyConfig(ctx)
}

// checkFiles checks that the repository has no symbolic link and no submodule. The modules do not
// contain these files, and this program writes to go.mod, go.sum and the pages: through a link, it
// can write to a file outside of the clone.
func (r *release) checkFiles(ctx context.Context) error {
	out, err := git(ctx, r.tree, "ls-files", "--stage", "-z")
	if err != nil {
		return err
	}
	for entry := range strings.SplitSeq(out, "\x00") {
		attributes, name, _ := strings.Cut(entry, "\t")
		if strings.HasPrefix(attributes, "120000 ") || strings.HasPrefix(attributes, "160000 ") {
			return fmt.Errorf("%s is a symbolic link or a submodule; a release contains only regular files", name)
		}
	}
	return nil
}

// checkTags checks that the version follows the last release, and has no tag yet.
func (r *release) checkTags(ctx context.Context) error {
	out, err := git(ctx, r.tree, "tag", "--list")
	if err != nil {
		return err
	}
	tags := strings.Fields(out)
	if r.modules, err = modproxy.Modules(ctx, r.tree); err != nil {
		return err
	}
	for _, tag := range r.tags() {
		if slices.Contains(tags, tag) {
			return fmt.Errorf("the tag %s exists already", tag)
		}
	}
	newest := tags
	if r.branch != "main" {
		newest = slices.DeleteFunc(slices.Clone(tags), func(tag string) bool { return semver.MajorMinor(tag) != semver.MajorMinor(r.version) })
	}
	r.last = lastRelease(newest)
	if err := checkSuccessor(r.last, r.version); err != nil {
		return err
	}
	for _, tag := range newest {
		if semver.IsValid(tag) && semver.Compare(r.version, tag) <= 0 {
			return fmt.Errorf("version %s: there is a newer tag: %s", r.version, tag)
		}
	}
	if r.last == "" {
		r.printf("This is the first release.")
		return nil
	}
	r.printf("The last release is %s.", r.last)
	if _, err := git(ctx, r.tree, "merge-base", "--is-ancestor", r.last, "HEAD"); err != nil {
		return fmt.Errorf("the branch %s does not contain the last release %s; merge the branch of this release first: %w", r.branch, r.last, err)
	}
	return nil
}

// tags returns the tags of this release.
func (r *release) tags() []string {
	var tags []string
	for _, m := range r.modules {
		if m.Published {
			tags = append(tags, m.Tag(r.version))
		}
	}
	return tags
}

// copyConfig copies the settings for commits and tags from the repository to the clone.
func (r *release) copyConfig(ctx context.Context) error {
	for _, key := range []string{"user.name", "user.email", "user.signingkey", "commit.gpgsign", "tag.gpgsign", "gpg.format"} {
		value, err := git(ctx, r.tree, "config", "--default", "", "--get", key)
		if err != nil {
			return err
		}
		if value == "" {
			continue
		}
		if _, err := git(ctx, r.clone, "config", key, value); err != nil {
			return err
		}
	}
	return nil
}

// writePages gives the entries of CHANGELOG.md and UPGRADING.md to the release, and commits both
// pages. This commit belongs to the branch.
func (r *release) writePages(ctx context.Context) (err error) {
	number := strings.TrimPrefix(r.version, "v")
	if r.notes, err = moveSection(filepath.Join(r.clone, "CHANGELOG.md"), "## [Unreleased]", "## ["+number+"]"); err != nil {
		return err
	}
	if r.notes == "" {
		return fmt.Errorf("CHANGELOG.md has no entry in the section [Unreleased]; a release needs notes")
	}
	if _, err := moveSection(filepath.Join(r.clone, "UPGRADING.md"), "## Unreleased", "## "+number); err != nil {
		return err
	}
	return r.commit(ctx, "all: release "+r.version)
}

// writeVersions writes the version into go.mod and go.sum of every module, commits these files,
// and tags the commit. A second commit brings the replacements back, because on a branch, one
// commit can change several modules. It keeps the version, so that a user can take a commit of the
// branch.
func (r *release) writeVersions(ctx context.Context) error {
	if err := modproxy.Rewrite(r.work, r.clone, r.version); err != nil { //nolint:contextcheck // it runs only git ls-files
		return err
	}
	if err := r.commit(ctx, "all: require "+r.version+" of the modules of this repository"); err != nil {
		return err
	}
	for _, tag := range r.tags() {
		if _, err := git(ctx, r.clone, "tag", "-a", "-m", "bearer "+r.version, tag); err != nil {
			return err
		}
		r.printf("tag %s", tag)
	}
	if _, err := git(ctx, r.clone, "read-tree", "-u", "--reset", "HEAD^"); err != nil {
		return err
	}
	if err := modproxy.Require(r.clone, r.version); err != nil { //nolint:contextcheck // it runs only git ls-files
		return err
	}
	if err := r.commit(ctx, "all: replace the modules of this repository after "+r.version); err != nil {
		return err
	}
	if _, err := git(ctx, r.clone, "checkout", "-q", "--detach", r.version); err != nil {
		return err
	}
	if err := r.cloneLast(ctx); err != nil {
		return err
	}
	return r.prepareEnv() //nolint:contextcheck // it runs only go env
}

// commit commits all changes in the clone.
func (r *release) commit(ctx context.Context, subject string) error {
	if _, err := git(ctx, r.clone, "add", "--all"); err != nil {
		return err
	}
	_, err := git(ctx, r.clone, "commit", "-q", "-m", subject)
	return err
}

// cloneLast clones the last release, and adds it to the proxy.
func (r *release) cloneLast(ctx context.Context) error {
	if r.last == "" {
		return nil
	}
	r.old = filepath.Join(r.work, "old")
	if _, err := git(ctx, r.work, "-c", "advice.detachedHead=false", "clone", "-q", "--branch", r.last, r.clone, r.old); err != nil {
		return err
	}
	return modproxy.Rewrite(r.work, r.old, r.last) //nolint:contextcheck // it runs only git ls-files
}

// prepareEnv sets the environment of the go command. It removes the modules of this repository from
// the folder modCache, because an earlier run can have a different release with the same version.
func (r *release) prepareEnv() (err error) {
	if r.env, err = modproxy.Env(r.work); err != nil {
		return err
	}
	if r.modCache == "" {
		return nil
	}
	r.env = append(r.env, "GOMODCACHE="+r.modCache)
	owner := filepath.Dir(filepath.FromSlash(modulePath))
	for _, dir := range []string{owner, filepath.Join("cache", "download", owner)} {
		if err := os.RemoveAll(filepath.Join(r.modCache, dir)); err != nil {
			return err
		}
	}
	return nil
}

// finish adds the commits and the tags to the repository. Without the flag -write, it
// only prints the next command.
func (r *release) finish(ctx context.Context) error {
	if !r.write {
		r.printf("Dry run: the repository has not changed. The programs and the notes are in %s.", r.out)
		r.printf("To add the release to the repository, run: .ci/release -write %s", r.version)
		return nil
	}
	if head, err := git(ctx, r.tree, "rev-parse", "HEAD"); err != nil {
		return err
	} else if head != r.head {
		return fmt.Errorf("the branch has changed while the release was built; start again")
	}
	fetch := []string{"fetch", "-q", "--atomic", "--no-tags", r.clone}
	for _, tag := range r.tags() {
		fetch = append(fetch, "refs/tags/"+tag+":refs/tags/"+tag)
	}
	// If the second or third command fails, there are no tags yet. So the next run can succeed.
	for _, args := range [][]string{{"fetch", "-q", "--no-tags", r.clone, "refs/heads/" + r.branch}, {"merge", "-q", "--ff-only", "FETCH_HEAD"}, fetch} {
		if _, err := git(ctx, r.tree, args...); err != nil {
			return err
		}
	}
	r.printf("The repository contains the release. The programs and the notes are in %s.", r.out)
	r.printf("To publish the release, run: git push --atomic origin %s %s", r.branch, strings.Join(r.tags(), " "))
	return nil
}
