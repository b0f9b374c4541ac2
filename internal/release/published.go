package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/bearerkit/bearer/internal/release/modproxy"
)

// checkTidy checks that go mod tidy does not change the modules that users take or copy. The
// modules in the folder internal still replace the other modules, and .ci/run checks them.
func (r *release) checkTidy(ctx context.Context) error {
	for _, m := range r.modules {
		if m.Dir == "." || strings.HasPrefix(m.Dir, "internal/") {
			continue
		}
		if _, err := r.goTool(ctx, r.dirOf(r.clone, m), "mod", "tidy", "-diff"); err != nil {
			return fmt.Errorf("module %s: %w", m.Path, err)
		}
	}
	return nil
}

func (r *release) dirOf(tree string, m modproxy.Module) string {
	return filepath.Join(tree, filepath.FromSlash(m.Dir))
}

// checkPublished builds and tests each published nested module with the root module of this
// release. Users may update only some of the modules within a minor version. So the modules of
// a patch release must build with the root module of the last release, and in the other
// direction. For other releases, a failure is only a note.
func (r *release) checkPublished(ctx context.Context) error {
	for _, m := range r.nested() {
		if _, err := r.goTool(ctx, r.dirOf(r.clone, m), "test", "./..."); err != nil {
			return fmt.Errorf("module %s with this root module: %w", m.Path, err)
		}
		r.printf("%s passes its tests with the root module of %s", m.Path, r.version)
		if r.last == "" {
			continue
		}
		_, err := os.Stat(r.dirOf(r.old, m))
		if errors.Is(err, fs.ErrNotExist) {
			r.printf("%s is new", m.Path)
			continue
		}
		for _, pair := range []struct{ tree, version, root string }{
			{r.old, r.last, r.version},
			{r.clone, r.version, r.last},
		} {
			err := r.buildWith(ctx, r.dirOf(pair.tree, m), pair.root)
			if err == nil {
				r.printf("%s of %s builds with the root module of %s", m.Path, pair.version, pair.root)
				continue
			}
			err = fmt.Errorf("%s of %s does not build with the root module of %s: %w", m.Path, pair.version, pair.root, err)
			if _, _, patch := numbers(r.version); patch != 0 {
				return err
			}
			r.printf("Note: %v", err)
		}
	}
	return nil
}

// buildWith builds a copy of a module with a version of the root module.
func (r *release) buildWith(ctx context.Context, dir, version string) error {
	temp, err := os.MkdirTemp(r.work, "module")
	if err != nil {
		return err
	}
	if err := os.CopyFS(temp, os.DirFS(dir)); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"mod", "edit", "-require=" + modulePath + "@" + version},
		{"mod", "tidy"},
		{"build", "./..."},
	} {
		if _, err := r.goTool(ctx, temp, args...); err != nil {
			return err
		}
	}
	return nil
}
