// Command generate writes docs/limits.md from internal/limits and from the constants in the
// source. Run it in the root of the module:
//
//	go run ./internal/limits/generate
package main

import (
	"fmt"
	"os"

	"github.com/bearerkit/bearer/internal/limits"
)

func main() {
	if err := run("."); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

// run writes the page in the folder root.
func run(root string) error {
	source, err := limits.ReadSource(root)
	if err != nil {
		return err
	}
	if err := limits.Check(root, source); err != nil {
		return err
	}
	return os.WriteFile(root+"/"+limits.Page, limits.Render(source), 0o644) //nolint:gosec // a public document
}
