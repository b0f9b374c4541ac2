package limits

import (
	"bytes"
	"errors"
	"fmt"
	"go/constant"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Page is the path of the page, relative to the folder of the module.
const Page = "docs/limits.md"

// Check returns an error for each constant and number in the source without a row and without
// a reason, and for each row, reason, test and option that does not exist. The folder root is
// the folder of the module.
func Check(root string, source *Source) error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	rows, options, known := map[string]bool{}, map[string]bool{}, tests{}
	for _, limit := range All() {
		name := limit.Constant
		if name == "" {
			name = limit.Option
		}
		if _, ok := source.Constants[limit.Constant]; !ok && limit.Constant != "" {
			bad("%s: the row names a constant that does not exist", name)
		}
		if rows[name] || limit.Subject == "" || limit.Beyond == "" || (limit.Test == "") == (limit.Untested == "") {
			bad("%s: want one row, with a subject, an effect, and either a test or a reason why there is no test", name)
		}
		if limit.Valid == "" && limit.Source != "" {
			bad("%s: the row has a Source without a Valid; write the section into Beyond", name)
		}
		rows[name] = true
		options[limit.Option] = true
		if limit.Option != "" && !hasOption(root, limit.Option) {
			bad("%s: the option %s is not in testdata/api", name, limit.Option)
		}
		if limit.Test != "" && !known.has(root, limit.Test) {
			bad("%s: the test %s does not exist", name, limit.Test)
		}
	}
	for _, option := range numericOptions(root) {
		if !options[option] {
			bad("%s: want a row for each numeric option", option)
		}
	}
	for name := range source.Constants {
		if rows[name] == (notLimits[name] != "") {
			bad("%s: want either a row or a reason in notLimits, for each constant", name)
		}
	}
	for name := range notLimits {
		if _, ok := source.Constants[name]; !ok {
			bad("%s: notLimits names a constant that does not exist", name)
		}
	}
	for _, place := range source.Numbers {
		if notNamed[place] == "" {
			bad("%s: make the number a named constant with a row, or add a reason to notNamed", place)
		}
	}
	for place := range notNamed {
		if !slices.Contains(source.Numbers, place) {
			bad("%s: notNamed names a number that does not exist", place)
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

// hasOption reports whether the API of a package has the field of the option.
func hasOption(root, option string) bool {
	parts := strings.Split(option, ".")
	if len(parts) != 3 {
		return false
	}
	api, err := os.ReadFile(filepath.Join(root, "testdata", "api", strings.ReplaceAll(parts[0], "/", ".")+".txt")) //nolint:gosec // a file of this repository
	return err == nil && strings.Contains(string(api), "type "+parts[1]+" struct, "+parts[2]+" ")
}

// numericOption matches the line of an option that is a number or a duration.
var numericOption = regexp.MustCompile(`(?m)^type (\w*(?:Config|Options|Limits)) struct, (\w+) (?:u?int\w*|float64|time\.Duration)\b`)

// numericOptions returns the options that are numbers or durations.
func numericOptions(root string) (options []string) {
	files, _ := filepath.Glob(filepath.Join(root, "testdata", "api", "*.txt")) // the pattern is valid
	for _, file := range files {
		api, _ := os.ReadFile(file) //nolint:gosec // a file of this repository; a file that cannot be read has no options
		for _, line := range numericOption.FindAllStringSubmatch(string(api), -1) {
			name := strings.TrimSuffix(filepath.Base(file), ".txt")
			options = append(options, strings.ReplaceAll(name, ".", "/")+"."+line[1]+"."+line[2])
		}
	}
	return options
}

// tests contains the text of the tests in each folder that was read.
type tests map[string]string

// has reports whether a test exists. The test has the form of Limit.Test.
func (t tests) has(root, test string) bool {
	folder, name, _ := strings.Cut(test, " ")
	if folder == "bearer" {
		folder = "."
	}
	text, ok := t[folder]
	if !ok {
		files, _ := filepath.Glob(filepath.Join(root, folder, "*_test.go")) // the pattern is valid
		for _, file := range files {
			source, _ := os.ReadFile(file) //nolint:gosec // a file of this repository; a file that cannot be read has no test
			text += string(source)
		}
		t[folder] = text
	}
	return strings.Contains(text, "\nfunc "+name+"(t *testing.T)")
}

// Render returns the page.
func Render(source *Source) []byte {
	var b bytes.Buffer
	b.WriteString(intro)
	for _, group := range Groups() {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| limit | default | option | beyond the limit | valid input that is refused | constant and test |\n|---|---|---|---|---|---|\n", group.Title, group.Intro)
		for _, limit := range group.Limits {
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", limit.Subject, limit.value(source), orNone(code(shortOption(limit.Option))), limit.Beyond, orNone(limit.valid()), limit.proof())
		}
	}
	b.WriteString(refusalsIntro)
	for _, r := range Refusals() {
		fmt.Fprintf(&b, "| %s | %s | `%s` | %s |\n", r.Input, r.Source, r.Reason, r.Why)
	}
	return b.Bytes()
}

// value returns the default of the limit with its unit.
func (l *Limit) value(source *Source) string {
	c, ok := source.Constants[l.Constant]
	if !ok {
		return "no limit"
	}
	unit, least := strings.CutSuffix(l.Unit, "least")
	unit = strings.TrimSuffix(unit, ", ")
	text := ""
	n, _ := constant.Int64Val(c.Value)
	switch {
	case c.Duration:
		text = durationText(time.Duration(n))
	case unit == "bytes":
		text = sizeText(n)
	case unit == "share":
		text = "1/" + thousands(n)
	case unit == "Unix time":
		text = time.Unix(n, 0).UTC().Format("2006-01-02 15:04:05") + " UTC"
	default:
		text = strings.TrimSpace(thousands(n) + " " + unit)
	}
	if least {
		text = "at least " + text
	}
	return text
}

// durationText returns a duration as people write it.
func durationText(d time.Duration) string {
	for _, unit := range []struct {
		name string
		size time.Duration
	}{{"years", 365 * 24 * time.Hour}, {"h", time.Hour}, {"min", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond}} {
		if whole := d / unit.size; d%unit.size == 0 && (unit.name != "min" || d != time.Minute) || unit.name == "s" && whole > 0 {
			return strings.TrimSuffix(fmt.Sprintf("%.1f", float64(d)/float64(unit.size)), ".0") + " " + unit.name
		}
	}
	return d.String()
}

// sizeText returns a number of bytes.
func sizeText(n int64) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return thousands(n>>20) + " MiB"
	case n >= 1<<10 && n%(1<<10) == 0:
		return thousands(n>>10) + " KiB"
	}
	return thousands(n) + " bytes"
}

// thousands returns the number with a comma after each group of three digits.
func thousands(n int64) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// valid returns the valid input that is refused, and the section that is its source.
func (l *Limit) valid() string {
	if l.Source == "" {
		return l.Valid
	}
	return l.Valid + " (" + l.Source + ")"
}

// proof returns the name of the constant and of the test.
func (l *Limit) proof() string {
	test := code(l.Test)
	if l.Untested != "" {
		test = "no test: " + l.Untested
	}
	if l.Constant == "" {
		return test
	}
	return code(l.Constant) + "; " + test
}

// shortOption returns the option without its package, if the package is the root.
func shortOption(option string) string { return strings.TrimPrefix(option, "bearer.") }

func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

const intro = `# Limits

This page lists each limit of bearer, its default, and the effect beyond the limit. Most
limits keep the cost of a hostile token, key set or request in proportion to its size. Few
services need other values. If the option is "none", the limit cannot be changed.

This command writes the page from the constants in the source, and from the rows in
internal/limits:

` + "```sh" + `
go run ./internal/limits/generate
` + "```" + `

A test in internal/limits fails if the page is out of date, if a constant has no row, or if
an option or a test does not exist. ` + "`TestLimits`" + ` in internal/limits runs a case at the limit, and
a case beyond the limit.
`

const refusalsIntro = `
## Valid tokens that are refused for their form

The standards allow these tokens. bearer refuses these tokens with every configuration, except
if the last column names an option. ` + "`TestValidTokens`" + ` in internal/limits sends
each of these tokens.

| token | source | reason | why |
|---|---|---|---|
`
