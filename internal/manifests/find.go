package manifests

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// A Source is a YAML file, or a fenced block of a page.
type Source struct {
	// Name is the path of the file, with "/" as the separator. For a block, it also has the line of
	// the block.
	Name string
	// Path is the path of the file in the file system.
	Path string
	// Text is the YAML.
	Text string
	// Block is true for a fenced block of a page.
	Block bool
}

// fence matches a fenced block of YAML. A block in a list is indented.
var fence = regexp.MustCompile("(?ms)^([ \t]*)```(?:yaml|yml)[ \t]*\n(.*?)^[ \t]*```[ \t]*$")

// Find returns all YAML files below root, and all fenced blocks of YAML in Markdown files.
func Find(root string) ([]Source, error) {
	var found []Source
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name := entry.Name(); name == ".git" || name == "node_modules" {
				return filepath.SkipDir
			}
			return nil
		}
		extension := filepath.Ext(path)
		if extension != ".yaml" && extension != ".yml" && extension != ".md" {
			return nil
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path) //nolint:gosec // a file of the repository
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if extension != ".md" {
			found = append(found, Source{name, path, string(data), false})
			return nil
		}
		found = append(found, blocks(name, path, string(data))...)
		return nil
	})
	return found, err
}

// blocks returns the fenced blocks of a page.
func blocks(name, path, page string) []Source {
	var found []Source
	for _, match := range fence.FindAllStringSubmatchIndex(page, -1) {
		line := 1 + strings.Count(page[:match[0]], "\n")
		indent, text := page[match[2]:match[3]], page[match[4]:match[5]]
		text = strings.ReplaceAll("\n"+text, "\n"+indent, "\n")[1:]
		found = append(found, Source{fmt.Sprintf("%s:%d", name, line), path, text, true})
	}
	return found
}
