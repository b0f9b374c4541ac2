package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/bearerkit/bearer/internal/bench/measure"
	"github.com/bearerkit/bearer/internal/bench/peers"
)

const intro = `# Speed

What a verdict costs, beside the libraries that do the same work. This page and the
picture are written by a program; run it again with

    go -C internal/bench run .

![CPU time of a request: a new token as a multiple of its signature, and a repeated one](speed.svg)

Everybody gets the same RS256 (RSA-2048) access token of a machine client, %d
characters, through the library's middleware, set up as its documentation says, or, where
it has none (golang-jwt, go-oidc, jwx and cap), through the dozen lines that its users write;
the peers check signature, issuer, audience and expiry, ours the scope, the type and
all the rest as well. In each round every library runs a burst between two bursts of
the floor, the signature alone with everything at hand, and the ratio is that of CPU
time (all threads, garbage collection included), the median of %d rounds: what slows
the machine down slows both. Times are the lower quartile, since noise only adds.
The process holds %d MiB (without pointers) beside it all, as a service does: in a program
that does nothing else the collector would run hundreds of times a second.
Instructions are callgrind's, without the garbage collector and on one processor, over
those of the signature alone; they repeat to 1 %%, however busy the machine is.

%s

`

// document makes docs/speed.md.
func (r *results) document() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, intro, tokenLength, r.rounds, serviceMemory>>20, machine())
	r.writeFirst(&b)
	r.writeRepeated(&b)
	r.writeHostile(&b)
	r.writeRest(&b)
	r.writeVersions(&b)
	return b.Bytes()
}

func machine() string {
	model := runtime.GOARCH
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(info)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	load := ""
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		if fields := strings.Fields(string(text)); len(fields) > 1 {
			load = fmt.Sprintf(" Load average when it ended: %s.", fields[1])
		}
	}
	return fmt.Sprintf("Measured with %s on %d processors (%s).%s", runtime.Version(), runtime.NumCPU(), model, load)
}

func (r *results) writeFirst(b *bytes.Buffer) {
	b.WriteString("## A new token\n\n")
	f := r.first[0]
	fmt.Fprintf(b, "The signature alone takes %s and %d allocations.\n\n", span(f.floor.Time), f.floor.Allocs)
	b.WriteString("| " + f.alg + " | CPU, signature = 1 | quartiles | CPU over it | allocations over it | bytes | instructions over it |\n|---|--:|--:|--:|--:|--:|--:|\n")
	for _, p := range f.peers {
		over := time.Duration((p.cost.Ratio - 1) * float64(f.floor.Time))
		fmt.Fprintf(b, "| %s | %.2f | %.2f to %.2f | %s | %d | %d | %s |\n",
			title(p.peer), p.cost.Ratio, p.cost.Low, p.cost.High, span(over), p.cost.Allocs-f.floor.Allocs, p.cost.Bytes, count(p.instructions))
	}
	b.WriteString("\ngo-chi/jwtauth passes claims from one goroutine to another: its CPU time has the waking of a second\nprocessor in it, and its instructions, which are counted on one, have not.\n")
	b.WriteString("\nThe other algorithms:\n\n| | " + "bearer | allocations over the signature | instructions over it | golang-jwt + keyfunc | best of the others |\n|---|--:|--:|--:|--:|--:|\n")
	for _, f := range r.first {
		own, jwt, best := f.peers[0], f.peers[1], measure.Cost{}
		name := ""
		for _, p := range f.peers[2:] {
			if name == "" || p.cost.Ratio < best.Ratio {
				name, best = p.peer.Name, p.cost
			}
		}
		fmt.Fprintf(b, "| %s (%s) | %.2f | %d | %s | %.2f | %.2f (%s) |\n", f.alg, span(f.floor.Time),
			own.cost.Ratio, own.cost.Allocs-f.floor.Allocs, count(own.instructions), jwt.cost.Ratio, best.Ratio, name)
	}
	b.WriteString("\n")
}

func (r *results) writeRepeated(b *bytes.Buffer) {
	b.WriteString("## A token that came before\n\nMachine clients send a token thousands of times. A library that does not remember it verifies it each time.\n\n")
	b.WriteString("| | | CPU | allocations | bytes |\n|---|---|--:|--:|--:|\n")
	for _, p := range r.repeated {
		if p.peer.Remembers || p.transport == "gRPC" || p.peer.Name == "golang-jwt + keyfunc" {
			fmt.Fprintf(b, "| %s | %s | %s | %d | %d |\n", p.transport, title(p.peer), span(p.cost.Time), p.cost.Allocs, p.cost.Bytes)
		}
	}
	for _, p := range r.alone {
		fmt.Fprintf(b, "| %s | %s, nothing else in memory | %s | %d | %d |\n", p.transport, title(p.peer), span(p.cost.Time), p.cost.Allocs, p.cost.Bytes)
	}
	fmt.Fprintf(b, "\nOf gRPC it is the interceptor alone, without a server. A remembered token takes %d bytes,\nits claims, its digest and its part of the index included.\n\n", r.memory)
}

func (r *results) writeHostile(b *bytes.Buffer) {
	b.WriteString("## What attackers send\n\nCPU time of one request. The first column is the guard's `Check`, which decides and writes no response, with a `Config.Logger` that discards; its ratio is to the signature alone. The column \"logged\" is the same with the log that a verifier has by default: it writes 100 refusals a minute and counts the others. The libraries answer as they do, most with 401; so does bearer in its own column.\n\n| | `Check` | ratio | allocations | logged |")
	for _, p := range r.hostile[0].peers {
		b.WriteString(" " + p.peer.Name + " |")
	}
	b.WriteString("\n|---|--:|--:|--:|--:|" + strings.Repeat("--:|", len(r.hostile[0].peers)) + "\n")
	for _, h := range r.hostile {
		fmt.Fprintf(b, "| %s | %s | %.2f | %d | %s |", h.kind, span(h.check.Time), h.check.Ratio, h.check.Allocs, span(h.logged.Time))
		for _, want := range r.hostile[0].peers {
			cell := "accepted"
			for _, p := range h.peers {
				if p.peer.Name == want.peer.Name {
					cell = span(p.cost.Time)
				}
			}
			b.WriteString(" " + cell + " |")
		}
		b.WriteString("\n")
	}
	b.WriteString("\nLibraries that ask the issuer again for a key that they do not know, or for a\nsignature that they cannot verify, pay for that here too, unless they limit it.\n\n")
}

func (r *results) writeRest(b *bytes.Buffer) {
	b.WriteString("## Rules, routes, issuers\n\n| | CPU | allocations |\n|---|--:|--:|\n")
	for _, s := range r.judged {
		fmt.Fprintf(b, "| %s | %s | %d |\n", s.name, span(s.cost.Time), s.cost.Allocs)
	}
	if len(r.scaling) == 0 {
		return
	}
	b.WriteString("\n## Two processors\n\nHow many times as much two do as one, by wall clock, so that a busy machine shows; the signature alone in the same run is what can be had.\n\n| | times | of the signature's |\n|---|--:|--:|\n")
	for _, s := range r.scaling {
		fmt.Fprintf(b, "| %s | %.2f | %.0f %% |\n", s.name, s.gain, 100*s.gain/r.scaling[0].gain)
	}
}

func (r *results) writeVersions(b *bytes.Buffer) {
	b.WriteString("\n## Versions\n\n")
	seen := make(map[string]bool)
	for _, p := range append(peers.All(), peers.GRPC()...) {
		if version := peers.Version(p.Module); p.Name != peers.Ours && !seen[p.Module] {
			seen[p.Module] = true
			fmt.Fprintf(b, "- %s %s\n", p.Module, version)
		}
	}
}

func title(p peers.Peer) string {
	if p.Name == peers.Ours {
		return "**" + p.Name + "**"
	}
	return p.Name
}

// span prints a duration with three digits.
func span(d time.Duration) string {
	switch {
	case d >= time.Millisecond:
		return fmt.Sprintf("%.2f ms", float64(d)/1e6)
	case d >= 10*time.Microsecond:
		return fmt.Sprintf("%.1f µs", float64(d)/1e3)
	case d >= time.Microsecond:
		return fmt.Sprintf("%.2f µs", float64(d)/1e3)
	default:
		return fmt.Sprintf("%d ns", d.Nanoseconds())
	}
}

func count(n int64) string {
	if n == 0 {
		return "-"
	}
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
