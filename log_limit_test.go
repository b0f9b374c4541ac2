package bearer_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer"
)

// TestConfigLoggerLastRecord tests that the last record before the limit says that further
// refusals are not logged, for faults of this service and for other refusals. This must also
// hold if many requests are refused at the same time.
func TestConfigLoggerLastRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bearer.ResetLog(false)
		time.Sleep(5 * time.Hour)
		v, book, token := refusalLog(t, func(cfg *bearer.Config) {
			cfg.Validate = func(context.Context, *bearer.Claims) error { panic("a hook") }
		})
		good := token(nil)
		for minute := range 2 {
			before := len(book.records(t))
			var wait sync.WaitGroup
			for range 150 {
				wait.Go(func() {
					_, _ = v.Verify(t.Context(), good)
					_, _ = v.Verify(t.Context(), "garbage")
				})
			}
			wait.Wait()
			helps := map[string]int{}
			for _, record := range book.records(t)[before:] {
				helps[fmt.Sprint(record["level"], " ", record["help"])]++
			}
			want := map[string]int{
				"WARN <nil>": bearer.MaxRefusals - 1, "WARN further refusals of this minute are not logged": 1,
				"ERROR <nil>": bearer.MaxFaults - 1, "ERROR further faults of this minute are not logged": 1,
			}
			if fmt.Sprint(helps) != fmt.Sprint(want) {
				t.Errorf("minute %d: got the texts %v, want %v", minute, helps, want)
			}
			time.Sleep(time.Minute)
		}
	})
}

// TestConfigLoggerHelpNumbers tests that the help contains the limit for refusals and the limit
// for faults of this service.
func TestConfigLoggerHelpNumbers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(6 * time.Hour)
		bearer.ResetLog(true)
		v, book, _ := refusalLog(t, nil)
		_, _ = v.Verify(t.Context(), "garbage")
		want := fmt.Sprintf("at most %d refusals and %d faults of this service are logged per minute", bearer.MaxRefusals, bearer.MaxFaults)
		if help := fmt.Sprint(book.records(t)[0]["help"]); !strings.HasPrefix(help, want) {
			t.Errorf("got the help %q, want %q at the start", help, want)
		}
	})
}
