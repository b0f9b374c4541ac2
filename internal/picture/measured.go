package picture

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// Measured describes the date, the Go version and the machine of a measurement, as a sentence
// for a person who wants to compare figures. The load average of the last 5 minutes is part of
// the sentence if the operating system has /proc/loadavg. It includes the measurement.
func Measured(now time.Time) string {
	return measured(now, read("/proc/cpuinfo"), read("/proc/loadavg"))
}

func measured(now time.Time, cpuinfo, loadavg string) string {
	model, load := "", ""
	for line := range strings.Lines(cpuinfo) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			clean := strings.NewReplacer("(R)", "", "(TM)", "", " Processor", "", " CPU", "").Replace(value)
			model = " (" + strings.Join(strings.Fields(clean), " ") + ")"
			break
		}
	}
	if fields := strings.Fields(loadavg); len(fields) > 1 {
		load = ", load average " + fields[1]
	}
	processors := "processors"
	if runtime.NumCPU() == 1 {
		processors = "processor"
	}
	return fmt.Sprintf("Measured on %s with %s, %s/%s, %d %s%s%s.",
		now.UTC().Format(time.DateOnly), runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), processors, model, load)
}

// read returns the text of a file, or the empty string if the operating system has no such file.
func read(name string) string {
	text, err := os.ReadFile(name) //nolint:gosec // the callers pass constant names
	if err != nil {
		return ""
	}
	return string(text)
}
