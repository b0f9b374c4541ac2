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

This page compares the cost of a verdict in bearer and in other libraries that do the same
work. This command writes the page and the picture:

    go -C internal/bench run .

![CPU time of a request with a new token, relative to the signature alone, and with a repeated token](speed.svg)

- **Token.** Every library gets the same RS256 (RSA-2048) access token of a machine client,
  %d characters.
- **Setup.** Each library runs in its own middleware, set up as its documentation shows.
  golang-jwt, go-oidc, jwx and cap have no middleware. They run in a middleware of a dozen
  lines, as their users write it. Every library checks signature, issuer, audience and
  expiry. bearer also checks the scope and the token type, and runs all its other checks.
- **Signature alone.** This is the verification of the signature, with all inputs ready.
- **Ratio.** The CPU time of a request is divided by the CPU time of the signature alone. In
  each round, every library runs between two bursts of the signature alone, so that other
  load on the machine slows both. The ratio is the median of %d rounds. CPU time includes
  all threads and the garbage collector.
- **Time.** A time is the lower quartile of all rounds, because noise only adds time.
- **Memory.** The process holds %d MiB of other data (without pointers), as a service does.
  Without other data, the garbage collector runs hundreds of times a second.
- **Instructions.** Callgrind counts instructions on one processor, without the garbage
  collector. The counts of two runs differ by about 1 %%, even on a busy machine.
- **Extra.** An "extra" figure is the figure of a request minus the figure of the signature
  alone.

%s

`

// document returns docs/speed.md.
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
			load = fmt.Sprintf(" Load average at the end: %s.", fields[1])
		}
	}
	return fmt.Sprintf("Measured with %s on %d processors (%s).%s", runtime.Version(), runtime.NumCPU(), model, load)
}

func (r *results) writeFirst(b *bytes.Buffer) {
	b.WriteString("## A new token\n\n")
	f := r.first[0]
	fmt.Fprintf(b, "The signature alone takes %s and %d allocations.\n\n", span(f.floor.Time), f.floor.Allocs)
	b.WriteString("| " + f.alg + " | CPU, signature = 1 | quartiles | extra CPU | extra allocations | bytes | extra instructions |\n|---|--:|--:|--:|--:|--:|--:|\n")
	for _, p := range f.peers {
		over := time.Duration((p.cost.Ratio - 1) * float64(f.floor.Time))
		fmt.Fprintf(b, "| %s | %.2f | %.2f to %.2f | %s | %d | %s | %s |\n",
			title(p.peer), p.cost.Ratio, p.cost.Low, p.cost.High, span(over), p.cost.Allocs-f.floor.Allocs, count(p.cost.Bytes), count(p.instructions))
	}
	b.WriteString("\ngo-chi/jwtauth passes claims from one goroutine to another. Its CPU time includes the time to wake a\nsecond processor. Its instructions are counted on one processor, so the count does not include this.\n")
	b.WriteString("\nAll algorithms, each with the time of the signature alone. The columns with names of libraries\nshow the ratio:\n\n| | " + "bearer | extra allocations | extra instructions | golang-jwt + keyfunc | best of the others |\n|---|--:|--:|--:|--:|--:|\n")
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
	b.WriteString("## A repeated token\n\nMachine clients send a token thousands of times. A library without a token cache verifies\nthe token each time.\n\n")
	b.WriteString("| | | CPU | allocations | bytes |\n|---|---|--:|--:|--:|\n")
	for _, p := range r.repeated {
		if p.peer.Caches || p.transport == "gRPC" || p.peer.Name == "golang-jwt + keyfunc" {
			fmt.Fprintf(b, "| %s | %s | %s | %d | %s |\n", p.transport, title(p.peer), span(p.cost.Time), p.cost.Allocs, count(p.cost.Bytes))
		}
	}
	for _, p := range r.alone {
		fmt.Fprintf(b, "| %s | %s, no other data in memory | %s | %d | %s |\n", p.transport, title(p.peer), span(p.cost.Time), p.cost.Allocs, count(p.cost.Bytes))
	}
	fmt.Fprintf(b, "\nFor gRPC, only the interceptor is measured, without a server. A cached token takes %s bytes,\nincluding its claims, its digest and its share of the index.\n\n", count(r.memory))
}

func (r *results) writeHostile(b *bytes.Buffer) {
	b.WriteString("## Hostile requests\n\nCPU time of one request. The columns up to \"logged\" measure the guard's method `Check`, which\ndecides and writes no response. In the columns before \"logged\", `Config.Logger` discards all records.\nIn the column \"logged\", the log formats its records, as the default log does: at most 100 refusals a\nminute. The ratio compares `Check` with the signature alone. The columns with names of libraries\ninclude the response, mostly a 401.\n\n| | `Check` | ratio | allocations | logged |")
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
	b.WriteString("\nSome libraries fetch the issuer's keys again after an unknown kid or a bad signature. If they do\nnot limit these fetches, the times include them.\n\n")
}

func (r *results) writeRest(b *bytes.Buffer) {
	b.WriteString("## Rules, routes, issuers\n\n| | CPU | allocations |\n|---|--:|--:|\n")
	for _, s := range r.parts {
		fmt.Fprintf(b, "| %s | %s | %d |\n", s.name, span(s.cost.Time), s.cost.Allocs)
	}
	if len(r.scaling) == 0 {
		return
	}
	b.WriteString("\n## Two processors\n\nThe gain is the throughput of two processors, divided by the throughput of one. It is measured by\nwall clock, so other load on the machine lowers it. The gain of the signature alone, in the same\nrun, is the highest possible gain.\n\n| | gain | share of the possible gain |\n|---|--:|--:|\n")
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

// title returns the name of a peer, in bold type for bearer.
func title(p peers.Peer) string {
	if p.Name == peers.Ours {
		return "**" + p.Name + "**"
	}
	return p.Name
}

// span formats a duration with three digits.
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

// count formats a number with thousands separators, or "-" for a number that was not
// measured.
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
