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

// Instructions runs the program with fewUnits and with MostUnits.
const (
	MostUnits = 2500
	fewUnits  = 500
)

// Instructions returns how many instructions one unit of work takes. It runs this program
// twice under valgrind's callgrind, each time with another number of units in the
// environment variable. It divides the difference of the two counts by the difference of
// the units, so the cost of starting the program does not count. The results of two runs
// differ by about 1 %, even on a busy machine.
//
// Valgrind emulates a processor without AVX-512 and without SHA instructions. Hashes and
// signatures take more instructions there than on a real processor, so compare only
// differences between counts.
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
		return 0, errors.New("valgrind is not installed (apt-get install valgrind)")
	}
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, valgrind, "--tool=callgrind", "--callgrind-out-file="+cmp.Or(os.Getenv("BENCH_CALLGRIND_OUT"), os.DevNull), self) //nolint:gosec // runs this program
	// Callgrind needs one thread, and no preemption by signals.
	cmd.Env = append(os.Environ(), append(env, "GOMAXPROCS=1", "GODEBUG=asyncpreemptoff=1")...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("callgrind: %w: %s", err, lastLine(out.String()))
	}
	m := collected.FindStringSubmatch(out.String())
	if m == nil {
		return 0, errors.New("callgrind printed no count")
	}
	return strconv.ParseInt(m[1], 10, 64)
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}
