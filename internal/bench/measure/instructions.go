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

// MostUnits is the most that Instructions asks for.
const (
	MostUnits = 2500
	fewUnits  = 500
)

// Instructions runs this program under valgrind's callgrind twice, with the
// environment variable set to the number of units that it is to do, and returns
// how many instructions one unit takes: all that both runs do beside it cancels
// out. The count repeats to about 1 percent, however busy the machine is.
//
// Valgrind's processor has no AVX-512 and no SHA instructions, so that hashes and
// signatures take more instructions than they do otherwise: differences are what
// is worth comparing.
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
	cmd := exec.CommandContext(ctx, valgrind, "--tool=callgrind", "--callgrind-out-file="+cmp.Or(os.Getenv("BENCH_CALLGRIND_OUT"), os.DevNull), self) //nolint:gosec // ourselves
	// One thread, and no signals, which callgrind does not stand.
	cmd.Env = append(os.Environ(), append(env, "GOMAXPROCS=1", "GODEBUG=asyncpreemptoff=1")...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("callgrind: %w: %s", err, lastLine(out.String()))
	}
	m := collected.FindStringSubmatch(out.String())
	if m == nil {
		return 0, errors.New("callgrind said nothing")
	}
	return strconv.ParseInt(m[1], 10, 64)
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}
