package measure

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// The function Instructions runs the program once with fewUnits and once with MostUnits.
const (
	MostUnits = 2500
	fewUnits  = 500
)

// Instructions returns the number of instructions for one unit of work. It runs this program
// twice under callgrind, a tool of valgrind. The environment variable contains the number of
// units. The two runs have different numbers of units. Instructions divides the difference of
// the two instruction counts by the difference of the two numbers of units. So the result does
// not include the start of the program. Two results differ by about 1 %, even if the machine
// is busy.
//
// Valgrind emulates a processor that has no AVX-512 and no SHA instructions. On this
// processor, hashes and signatures take more instructions than on a real processor. So
// compare only differences between counts.
func Instructions(ctx context.Context, variable string, env ...string) (int64, error) {
	var counts []int64
	for _, n := range []int{fewUnits, MostUnits} {
		count, err := collect(ctx, append(env, variable+"="+strconv.Itoa(n)))
		if err != nil {
			return 0, err
		}
		counts = append(counts, count)
	}
	return (counts[1] - counts[0]) / (MostUnits - fewUnits), nil
}

var collected = regexp.MustCompile(`Collected\s*:\s*(\d+)`)

func collect(ctx context.Context, env []string) (int64, error) {
	valgrind, err := exec.LookPath("valgrind")
	if err != nil {
		return 0, errors.New("valgrind is not installed; on Debian, run apt-get install valgrind")
	}
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, valgrind, "--tool=callgrind", "--callgrind-out-file="+cmp.Or(os.Getenv("BENCH_CALLGRIND_OUT"), os.DevNull), self) //nolint:gosec // it runs this program again
	// Under callgrind, the program must run on one thread, without preemption by signals.
	cmd.Env = append(os.Environ(), append(env, "GOMAXPROCS=1", "GODEBUG=asyncpreemptoff=1")...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("callgrind: %w: %s", err, lastLine(out.String()))
	}
	m := collected.FindStringSubmatch(out.String())
	if m == nil {
		return 0, errors.New("the output of callgrind contains no instruction count")
	}
	return strconv.ParseInt(m[1], 10, 64)
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}
