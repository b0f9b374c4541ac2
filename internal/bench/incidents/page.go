package main

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
)

const head = `# Key caches in incidents

This page compares bearer with two other libraries in the incidents of
` + "`go run ./examples/drill`" + `. Each incident runs in real time against an issuer on the
loopback interface. "Refused" counts valid requests only: good tokens, signed with good
keys. This command writes the page:

    go -C internal/bench run ./incidents -o ../../docs/incidents.md

Measured on %d cores with %s.

- **bearer**: ` + "`bearer.JWTVerifier`" + ` with ` + "`jwks.Cache`" + ` and default settings. The restart uses the file store of ` + "`jwks.NewFileStore`" + `.
- **keyfunc** %s (jwkset %s) with golang-jwt: the cache of ` + "`keyfunc.NewDefaultCtx`" + `.
- **go-oidc** %s: ` + "`oidc.IDTokenVerifier`" + ` with ` + "`oidc.RemoteKeySet`" + `.

If an incident names an interval, it is the refresh interval of each library that has
such a setting. keyfunc and go-oidc return the same error during an outage and for a
forged token, so all their refusals count as 401. The incident of hostile response bodies
measures the growth of the heap and the duration. A library that allocates more than
512 MiB is stopped at this limit ("cut off").

`

// write writes the page.
func write(w io.Writer, lines []line, table [][]cell) error {
	var out bytes.Buffer
	put := func(format string, args ...any) { _, _ = fmt.Fprintf(&out, format, args...) } // writes to a bytes.Buffer never fail
	put(head, runtime.GOMAXPROCS(0), runtime.Version(),
		version("github.com/MicahParks/keyfunc/v3"), version("github.com/MicahParks/jwkset"), version("github.com/coreos/go-oidc/v3"))
	put("| incident |")
	for _, s := range subjects() {
		put(" %s |", s.Name)
	}
	put("\n|---|%s\n", strings.Repeat("---|", len(subjects())))
	for n, l := range lines {
		put("| %s |", l.name)
		for _, c := range table[n] {
			put(" %s |", c.text(l))
		}
		put("\n")
	}
	details(put, table)
	_, err := w.Write(out.Bytes())
	return err
}

// text returns the text of a cell in a line of the table.
func (c cell) text(l line) string {
	if c.err != nil {
		return "error: " + strings.NewReplacer("\n", "; ", "|", "/").Replace(c.err.Error())
	}
	return l.text(c.result)
}

// details lists the documents and keys that the table only counts.
func details(put func(string, ...any), table [][]cell) {
	first := true
	for m, s := range subjects() {
		var lost, fooled []string
		for _, row := range table {
			lost, fooled = append(lost, row[m].result.LostKeys...), append(fooled, row[m].result.ForgedAccepted...)
		}
		if len(lost)+len(fooled) == 0 {
			continue
		}
		if first {
			put("\n## Good keys lost, and bad tokens accepted\n")
			first = false
		}
		put("\n**%s**%s%s\n", s.Name, named(" loses good keys if the issuer publishes: ", lost), named(" It accepts bad tokens under these keys: ", fooled))
	}
}

// version returns the version of a module that this program was built with.
func version(path string) string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == path {
				return m.Version
			}
		}
	}
	return "of an unknown version" // in a test binary
}
