package main

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
)

const introduction = `# Key caches in incidents

This page shows how bearer and two other libraries behave in simulated incidents of a token
issuer. ` + "`go run ./examples/drill`" + ` runs such incidents with bearer only. Each incident runs
in real time against an issuer on the loopback interface. A valid request has a valid token.
"Refused" counts only valid requests. This command writes the page:

` + "```sh" + `
go -C internal/bench run ./incidents -o ../../docs/incidents.md
` + "```" + `

Measured on %d cores with %s.

- **bearer**: ` + "`bearer.JWTVerifier`" + ` with ` + "`jwks.Cache`" + ` and default settings. In the incident in which the service restarts, the cache uses a file store that ` + "`jwks.NewFileStore`" + ` returns.
- **keyfunc** %s (jwkset %s) with golang-jwt: the cache of ` + "`keyfunc.NewDefaultCtx`" + `.
- **go-oidc** %s: ` + "`oidc.IDTokenVerifier`" + ` with ` + "`oidc.RemoteKeySet`" + `.

If an incident has a refresh interval, bearer and keyfunc use this interval. go-oidc has no
such setting. During an outage, keyfunc and go-oidc return the same error as for a forged
token, so the table counts all refusals of these two libraries as 401. For each hostile
response body, the table shows the growth of the heap and the duration. The issuer stops
sending a body after 10 s, or when the heap has grown by 512 MiB. If the issuer stopped
because of the heap, the table contains "cut off".

`

// write writes the page.
func write(w io.Writer, lines []line, table [][]cell) error {
	var out bytes.Buffer
	put := func(format string, args ...any) { _, _ = fmt.Fprintf(&out, format, args...) } // writes to a bytes.Buffer never fail
	put(introduction, runtime.GOMAXPROCS(0), runtime.Version(),
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

// text returns the text of the cell for the table.
func (c cell) text(l line) string {
	if c.err != nil {
		return "error: " + strings.NewReplacer("\n", "; ", "|", "/").Replace(c.err.Error())
	}
	return l.text(c.result)
}

// details writes the names of the documents and keys that the table only counts.
func details(put func(string, ...any), table [][]cell) {
	first := true
	for m, s := range subjects() {
		var lost, accepted []string
		for _, row := range table {
			lost, accepted = append(lost, row[m].result.LostKeys...), append(accepted, row[m].result.ForgedAccepted...)
		}
		if len(lost)+len(accepted) == 0 {
			continue
		}
		if first {
			put("\n## Valid keys lost, and invalid tokens accepted\n")
			first = false
		}
		put("\n**%s**%s%s\n", s.Name, nameList(" loses valid keys if the issuer publishes: ", lost), nameList(" It accepts invalid tokens that are signed with: ", accepted))
	}
}

// version returns the version of a module in this program.
func version(path string) string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == path {
				return m.Version
			}
		}
	}
	return "of an unknown version" // a test binary contains no versions of modules
}
