package main

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/bearerkit/bearer/internal/bench/measure"
	"github.com/bearerkit/bearer/internal/bench/peers"
)

const intro = `# Speed

This page compares how much CPU time and memory bearer and other Go libraries need to check
the token of a request. This command writes the page and the picture:

` + "```sh" + `
go -C internal/bench run . -o ../../docs
` + "```" + `

Without -o, the command prints the page and changes no file.

![Two bar charts: the CPU time of a request with a new token, and with a repeated token; lower is better](speed.svg)

- **Tokens.** Every library gets the same access tokens of a machine client. A token signed
  with RS256 (RSA-2048) has %d characters.
- **Setup.** Every library runs in its own middleware, and is set up as its documentation
  shows. golang-jwt, go-oidc, jwx and hashicorp/cap have no middleware. The benchmark calls
  these libraries in a short middleware, as users of these libraries do. Every library
  checks the signature, the issuer, the audience and the expiry. In addition, bearer checks
  the scope and the token type, and makes the rest of its checks.
- **Signature check.** The signature check verifies only the signature of a token. Every
  library must do at least this work. The decoded signature and the public key are already
  in memory.
- **CPU time.** The CPU time includes all threads and the garbage collector. Other load on the
  machine can only make a round slower. So each time is the lower quartile of all rounds.
  Compare a time only with other times on this page.
- **Ratio.** The ratio is the CPU time of a request divided by the CPU time of the signature
  check. In each round, the signature check runs before and after each library, so that
  other load on the machine slows the signature check and the library equally. The ratio is
  the median of %d rounds. The ratio of a hostile request is the median of %d rounds.
- **Extra.** An "extra" figure is the figure of a request minus the figure of the signature
  check.
- **Memory.** The process holds %d MiB of other data, as a service does. The data contains no
  pointers. In a process without other data, the garbage collector runs hundreds of times a
  second.
- **Instructions.** Callgrind counts the instructions on one processor. During the count, the
  garbage collector is off. The counts of two runs differ by about 1 %%, even if the machine is busy.

%s

`

// document returns docs/speed.md.
func (r *results) document() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, intro, tokenLength, r.rounds, hostileRounds(r.rounds), serviceMemory>>20, r.measured)
	r.writeFirst(&b)
	r.writeRepeated(&b)
	r.writeHostile(&b)
	r.writeRest(&b)
	r.writeVersions(&b)
	return b.Bytes()
}

func (r *results) writeFirst(b *bytes.Buffer) {
	b.WriteString("## A new token\n\n")
	f := r.first[0]
	fmt.Fprintf(b, "The signature check takes %s and makes %d allocations.\n\n", formatTime(f.floor.Time), f.floor.Allocs)
	b.WriteString("| library (" + f.alg + ") | ratio | quartiles of the ratio | extra CPU time | extra allocations | bytes allocated | extra instructions |\n|---|--:|--:|--:|--:|--:|--:|\n")
	for _, p := range f.peers {
		over := time.Duration((p.cost.Ratio - 1) * float64(f.floor.Time))
		fmt.Fprintf(b, "| %s | %.2f | %.2f to %.2f | %s | %d | %s | %s |\n",
			title(p.peer), p.cost.Ratio, p.cost.Low, p.cost.High, formatTime(over), p.cost.Allocs-f.floor.Allocs, formatCount(p.cost.Bytes), formatCount(p.instructions))
	}
	b.WriteString("\nIn go-chi/jwtauth, one goroutine sends the claims to a second goroutine. This wakes a second\nprocessor. The CPU time includes the time for waking the processor. The number of instructions does\nnot include this work, because the instructions are counted on one processor.\n")
	b.WriteString("\nThe next table compares the algorithms. The time in parentheses is the CPU time of the signature\ncheck.\n\n| algorithm | bearer: ratio | bearer: extra allocations | bearer: extra instructions | golang-jwt + keyfunc: ratio | lowest ratio of the other libraries |\n|---|--:|--:|--:|--:|--:|\n")
	for _, f := range r.first {
		own, jwt, best := f.peers[0], f.peers[1], measure.Cost{}
		name := ""
		for _, p := range f.peers[2:] {
			if name == "" || p.cost.Ratio < best.Ratio {
				name, best = p.peer.Name, p.cost
			}
		}
		fmt.Fprintf(b, "| %s (%s) | %.2f | %d | %s | %.2f | %.2f (%s) |\n", f.alg, formatTime(f.floor.Time),
			own.cost.Ratio, own.cost.Allocs-f.floor.Allocs, formatCount(own.instructions), jwt.cost.Ratio, best.Ratio, name)
	}
	b.WriteString("\n")
}

func (r *results) writeRepeated(b *bytes.Buffer) {
	b.WriteString("## A repeated token\n\nA machine client sends the same token thousands of times. A library without a cache of\nverified tokens verifies the token each time.\n\n")
	b.WriteString("| transport | library | CPU time | allocations | bytes allocated |\n|---|---|--:|--:|--:|\n")
	for _, p := range r.repeated {
		if p.peer.Caches || p.transport == "gRPC" || p.peer.Name == "golang-jwt + keyfunc" {
			fmt.Fprintf(b, "| %s | %s | %s | %d | %s |\n", p.transport, title(p.peer), formatTime(p.cost.Time), p.cost.Allocs, formatCount(p.cost.Bytes))
		}
	}
	for _, p := range r.alone {
		fmt.Fprintf(b, "| %s | %s in a process without other data | %s | %d | %s |\n", p.transport, title(p.peer), formatTime(p.cost.Time), p.cost.Allocs, formatCount(p.cost.Bytes))
	}
	fmt.Fprintf(b, "\nThe rows for gRPC measure only the interceptor, without a server. A cached token takes %s bytes.\nThis size includes the claims, the digest of the token, and the space for the token in the\nindex of the cache.\n\n", formatCount(r.memory))
}

func (r *results) writeHostile(b *bytes.Buffer) {
	b.WriteString("## Hostile requests\n\nThe times are CPU times of one request. The column `Check` measures bearer's method `Guard.Check`,\nwhich writes no response. The columns ratio and allocations also measure `Guard.Check`. For these\nthree columns, `Config.Logger` discards all records. For the column \"logged\", the logger formats the\nrecords, as the default logger does. bearer logs at most 80 of these refusals per minute. The columns with\nnames of libraries measure a whole request with its response, which is a 401 in most cases.\n\n| request | `Check` | ratio | allocations | logged |")
	for _, p := range r.hostile[0].peers {
		b.WriteString(" " + p.peer.Name + " |")
	}
	b.WriteString("\n|---|--:|--:|--:|--:|" + strings.Repeat("--:|", len(r.hostile[0].peers)) + "\n")
	for _, h := range r.hostile {
		fmt.Fprintf(b, "| %s | %s | %.2f | %d | %s |", h.kind, formatTime(h.check.Time), h.check.Ratio, h.check.Allocs, formatTime(h.logged.Time))
		for _, want := range r.hostile[0].peers {
			cell := "accepted"
			for _, p := range h.peers {
				if p.peer.Name == want.peer.Name {
					cell = formatTime(p.cost.Time)
				}
			}
			b.WriteString(" " + cell + " |")
		}
		b.WriteString("\n")
	}
	b.WriteString("\nSome libraries fetch the issuer's keys again after an unknown kid or a bad signature. If a library\ndoes not limit these fetches, its time includes the fetches. go-chi/jwtauth has one key and ignores\nthe kid, so this library accepts a token with an unknown kid.\n\n")
}

func (r *results) writeRest(b *bytes.Buffer) {
	b.WriteString("## Rules, routes, issuers\n\nEach row measures one part of bearer's work for a request. The rows with issuers measure\n`Issuers.Verify`.\n\n| part | CPU time | allocations |\n|---|--:|--:|\n")
	for _, s := range r.parts {
		fmt.Fprintf(b, "| %s | %s | %d |\n", s.name, formatTime(s.cost.Time), s.cost.Allocs)
	}
	if len(r.scaling) == 0 {
		return
	}
	b.WriteString("\n## Two processors\n\nThe gain is the throughput with two processors, divided by the throughput with one processor. The\nthroughput is measured with the wall clock, so other load on the machine lowers the gain. The\nhighest possible gain is the gain of the signature check in the same run.\n\n| work | gain | share of the highest possible gain |\n|---|--:|--:|\n")
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

// title returns the name of a peer for a table. The name of bearer is in bold type.
func title(p peers.Peer) string {
	if p.Name == peers.Ours {
		return "**" + p.Name + "**"
	}
	return p.Name
}

// formatTime formats a duration with at most two decimal places.
func formatTime(d time.Duration) string {
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

// formatCount formats a number with thousands separators. The result is "-" if the number is
// 0, because then it was not measured.
func formatCount(n int64) string {
	if n == 0 {
		return "-"
	}
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
