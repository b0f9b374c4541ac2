package main

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
)

const head = `# What key caches do in an incident

The incidents of ` + "`go run ./examples/drill`" + `, and what becomes of them in other
libraries. Each runs against a real issuer on the loopback interface and in real
time. "Refused" counts honest requests: good tokens under good keys. To repeat:

    go -C internal/bench run ./incidents -o ../../docs/incidents.md

Measured on %d cores with %s.

- **bearer**: ` + "`bearer.JWTVerifier`" + ` over ` + "`jwks.Cache`" + `, defaults, with the file store of ` + "`jwks.NewFileStore`" + ` for the restart.
- **keyfunc** %s (jwkset %s) with golang-jwt: the cache of ` + "`keyfunc.NewDefaultCtx`" + `.
- **go-oidc** %s: ` + "`oidc.IDTokenVerifier`" + ` over ` + "`oidc.RemoteKeySet`" + `.

Where an interval is named, the subject was told to refresh that often, if it can
be told. The others cannot say "not now" (503), so that an outage and a forged
token look alike: all of theirs are 401. What takes more than 512 MiB of heap is cut
off there, for the sake of the machine.

`

// write writes the page.
func write(w io.Writer, lines []line, table [][]cell) error {
	var out bytes.Buffer
	put := func(format string, args ...any) { _, _ = fmt.Fprintf(&out, format, args...) } // a Buffer takes everything
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
			put(" %s |", c.say(l))
		}
		put("\n")
	}
	details(put, table)
	_, err := w.Write(out.Bytes())
	return err
}

func (c cell) say(l line) string {
	if c.err != nil {
		return "could not be run: " + strings.NewReplacer("\n", "; ", "|", "/").Replace(c.err.Error())
	}
	return l.say(c.result)
}

// details names the documents and keys, of which the table has the number.
func details(put func(string, ...any), table [][]cell) {
	first := true
	for m, s := range subjects() {
		var lost, fooled []string
		for _, row := range table {
			lost, fooled = append(lost, row[m].result.Lost...), append(fooled, row[m].result.Fooled...)
		}
		if len(lost)+len(fooled) == 0 {
			continue
		}
		if first {
			put("\n## Which documents and keys\n")
			first = false
		}
		put("\n**%s**%s%s\n", s.Name, named(" loses good keys to: ", lost), named(" It accepts tokens under: ", fooled))
	}
}

// version returns that of a module of this program.
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
