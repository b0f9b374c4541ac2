package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// docs is the folder of the pages from which rows are copied. The command runs in internal/bench.
const docs = "../../docs"

// ratios returns the CPU time of a request with a new RS256 token, by library. It is the first table
// of docs/speed.md.
func ratios() (map[string]string, error) {
	text, err := os.ReadFile(filepath.Join(docs, "speed.md"))
	if err != nil {
		return nil, err
	}
	_, table, _ := strings.Cut(string(text), "\n| library (RS256) |")
	table, _, _ = strings.Cut(table, "\n\n")
	found := map[string]string{}
	for _, line := range regexp.MustCompile(`(?m)^\| \**([^|*]+?)\** \| ([0-9.]+) \|`).FindAllStringSubmatch(table, -1) {
		found[line[1]] = line[2]
	}
	if len(found) == 0 {
		return nil, errors.New("speed.md has no table of new tokens")
	}
	return found, nil
}

// shownIncidents has the beginnings of the rows that the page copies from docs/incidents.md.
var shownIncidents = []string{
	"two key rotations with 4 s between them", "a new key with the key id of the old key", "a key rotation during a flood",
	"the issuer withdraws a key", "a service starts while the issuer is down", "a service restarts while the issuer is down",
	"odd documents instead of a key set", "one odd key in the key set",
}

// incidents returns rows of docs/incidents.md.
func incidents() ([][]string, error) {
	text, err := os.ReadFile(filepath.Join(docs, "incidents.md"))
	if err != nil {
		return nil, err
	}
	var rows [][]string
	for _, name := range shownIncidents {
		line := regexp.MustCompile(`(?m)^\| (` + regexp.QuoteMeta(name) + `[^|]*) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$`).FindStringSubmatch(string(text))
		if line == nil {
			return nil, fmt.Errorf("incidents.md has no row %q", name)
		}
		rows = append(rows, line[1:])
	}
	return rows, nil
}
