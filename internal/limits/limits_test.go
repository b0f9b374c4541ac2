package limits_test

import (
	"bytes"
	"fmt"
	"go/constant"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/bearerkit/bearer/internal/limits"
)

const root = "../.."

// readOnce reads the source of this module.
var readOnce = sync.OnceValues(func() (*limits.Source, error) { return limits.ReadSource(root) })

// readSource returns a copy of the source.
func readSource(t *testing.T) *limits.Source {
	t.Helper()
	source, err := readOnce()
	if err != nil {
		t.Fatal(err)
	}
	return &limits.Source{Constants: maps.Clone(source.Constants), Numbers: slices.Clone(source.Numbers)}
}

// TestComplete requires a row or a reason for each constant, and a constant, an option and a
// test for each row.
func TestComplete(t *testing.T) {
	if err := limits.Check(root, readSource(t)); err != nil {
		t.Error(err)
	}
}

// TestUpToDate compares docs/limits.md with the source.
func TestUpToDate(t *testing.T) {
	committed, err := os.ReadFile(filepath.Join(root, limits.Page))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(committed, limits.Render(readSource(t))) {
		t.Errorf("%s is out of date; run: go run ./internal/limits/generate", limits.Page)
	}
}

// TestCheck changes the source, and requires an error for each change.
func TestCheck(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*limits.Source)
		want   string
	}{
		{"constant without a row", func(s *limits.Source) { s.Constants["jwks.maxNew"] = limits.Constant{} }, "jwks.maxNew: want either a row or a reason"},
		{"row without a constant", func(s *limits.Source) { delete(s.Constants, "jwks.maxKeys") }, "jwks.maxKeys: the row names a constant that does not exist"},
		{"reason without a constant", func(s *limits.Source) { delete(s.Constants, "internal/jws.bad") }, "internal/jws.bad: notLimits names a constant that does not exist"},
		{"constant of another package", func(s *limits.Source) { delete(s.Constants, "tracing.keyKeys") }, "tracing.keyKeys: notLimits names"},
		{"number without a name", func(s *limits.Source) { s.Numbers = append(s.Numbers, "jwks/new.go n > 100") }, "jwks/new.go n > 100: make the number a named constant"},
		{"reason without a number", func(s *limits.Source) { s.Numbers = nil }, "notNamed names a number that does not exist"},
	} {
		source := readSource(t)
		row.change(source)
		if err := limits.Check(root, source); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: got error %v, want %q in the text", row.name, err, row.want)
		}
	}
	err := limits.Check(t.TempDir(), readSource(t))
	for _, want := range []string{"the option bearer.Config.CacheSize is not in testdata/api", "the test jwks TestMaxWaiting does not exist"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("empty folder: got an error without the text %q", want)
		}
	}
}

// TestReadSource reads a package with every form of constants and numbers.
func TestReadSource(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(folder, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("a.go", `package a

import (
	"time"
	"github.com/bearerkit/bearer/internal/used"
)

const (
	size = 1 << 10
	wait = 2 * time.Second
	text = "no number"
	name = iota
	next
)

const twice = 2 * size

var table = func() int { const inVariable = 7; return inVariable }()

func f(n int, d time.Duration) bool {
	const most = len("four")
	time.Sleep(3 * time.Second)
	_ = d.Round(time.Minute)
	_ = time.Duration(n) * time.Hour
	n = 12
	const unknown = used.Y
	return n > 99 || n < 1<<7 || n < 9 || n == 50 || n > size || used.X
}
`)
	write("a_test.go", "package a\n\nconst ofTest = 1\n")
	write("internal/used/u.go", "package used\n\nconst inUsed = 3\n")
	write("internal/other/o.go", "package other\n\nconst inOther = 4\n")
	write("examples/e/e.go", "package main\n\nconst inExample = 5\n")
	write("cmd/c/c.go", "package main\n\nconst inProgram = 6\n")
	source, err := limits.ReadSource(folder)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for name, c := range source.Constants {
		got = append(got, fmt.Sprint(name, " ", c.Value, " ", c.Duration))
	}
	slices.Sort(got)
	if want := "bearer.f.most 4 false, bearer.f.unknown unknown false, bearer.size 1024 false, bearer.table.inVariable 7 false, bearer.twice 2048 false, bearer.wait 2000000000 true, internal/used.inUsed 3 false"; strings.Join(got, ", ") != want {
		t.Errorf("got constants %q, want %q", got, want)
	}
	if want := "a.go 3 * time.Second, a.go = 12, a.go n > 99, a.go n < 1 << 7"; strings.Join(source.Numbers, ", ") != want {
		t.Errorf("got numbers %q, want %q", source.Numbers, want)
	}
}

// An edge runs a case at a limit and a case beyond the limit.
type edge struct {
	constant string
	// try uses an input of size n. It returns nil if the input is within the limit.
	try func(t *testing.T, n int) error
	// beyond is a part of the error of try beyond the limit. "%d" stands for the limit.
	beyond string
	step   int  // the distance of the second case from the limit; 0 means 1
	bubble bool // try needs the virtual time of a synctest bubble
}

// kept returns a function for edge.try. The function keep returns the number of parts of an
// input of size n that are in the result.
func kept(keep func(t *testing.T, n int) int) func(*testing.T, int) error {
	return func(t *testing.T, n int) error {
		t.Helper()
		if got := keep(t, n); got != n {
			return fmt.Errorf("kept %d of %d", got, n)
		}
		return nil
	}
}

// TestLimits runs a case at each limit, and a case beyond the limit.
func TestLimits(t *testing.T) {
	source, edges := readSource(t), slices.Concat(tokenEdges(), ruleEdges(), keyEdges(), requestEdges(), timeEdges(), logEdges(), unitEdges(), otherEdges())
	ran := map[string]bool{}
	for _, e := range edges {
		ran[e.constant] = true
		t.Run(e.constant, func(t *testing.T) {
			if e.bubble {
				synctest.Test(t, func(t *testing.T) { e.run(t, source) })
			} else {
				e.run(t, source)
			}
		})
	}
	for _, limit := range limits.All() {
		if listed := limit.Test == "internal/limits TestLimits"; listed != ran[limit.Constant] {
			t.Errorf("%s: got a case %v, want a case if the row names this test", limit.Constant, ran[limit.Constant])
		}
	}
}

func (e *edge) run(t *testing.T, source *limits.Source) {
	t.Helper()
	value, ok := constant.Int64Val(source.Constants[e.constant].Value)
	if !ok {
		t.Fatal("the constant has no value")
	}
	limit, step := int(value), e.step
	if step == 0 {
		step = 1
	}
	if err := e.try(t, limit); err != nil {
		t.Errorf("at the limit %d: got error %v, want none", limit, err)
	}
	want := strings.ReplaceAll(e.beyond, "%d", fmt.Sprint(limit))
	if err := e.try(t, limit+step); err == nil || want == "" || !strings.Contains(err.Error(), want) {
		t.Errorf("at %d, beyond the limit: got error %v, want %q in the text", limit+step, err, want)
	}
}
