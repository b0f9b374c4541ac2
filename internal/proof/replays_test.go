package proof_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/internal/proof"
)

func TestReplays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := proof.NewReplays(10, 5)
		until := time.Now().Add(70 * time.Second)
		for i, want := range []bool{false, true, true} {
			if got, err := r.Seen("key", "jti", until); got != want || err != nil {
				t.Errorf("call %d: got %t and error %v, want %t", i, got, err, want)
			}
		}
		for _, other := range [][2]string{{"key2", "jti"}, {"key", "jti2"}, {"ke", "yjti"}} {
			if got, err := r.Seen(other[0], other[1], until); got || err != nil {
				t.Errorf("%q: got %t and error %v, want false", other, got, err)
			}
		}
		time.Sleep(70*time.Second + proof.StepBack - 1)
		if got, err := r.Seen("key", "jti", until); !got || err != nil {
			t.Errorf("before the end: got %t and error %v, want true", got, err)
		}
		time.Sleep(time.Nanosecond)
		if got := r.Len(); got != 0 {
			t.Errorf("after the end: got %d proofs, want 0", got)
		}
	})
}

// TestReplaysAtOnce tests that only one of 50 concurrent requests can use a proof.
func TestReplaysAtOnce(t *testing.T) {
	r, until := proof.NewReplays(1000, 1000), time.Now().Add(time.Minute)
	for round := range 20 {
		var accepted atomic.Int32
		var group sync.WaitGroup
		for range 50 {
			group.Go(func() {
				if seen, err := r.Seen("key", fmt.Sprint(round), until); !seen && err == nil {
					accepted.Add(1)
				}
			})
		}
		group.Wait()
		if got := accepted.Load(); got != 1 {
			t.Errorf("round %d: got %d requests accepted, want 1", round, got)
		}
	}
}

// TestReplaysShare tests that a client that sends too many proofs is refused, and that other
// clients are not.
func TestReplaysShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := proof.NewReplays(6, 3)
		for i := range 3 {
			if seen, err := r.Seen("busy", fmt.Sprint(i), time.Now().Add(time.Second)); seen || err != nil {
				t.Errorf("busy %d: got %t and error %v, want false", i, seen, err)
			}
		}
		if seen, err := r.Seen("busy", "3", time.Now().Add(time.Second)); seen || !errors.Is(err, proof.ErrShare) {
			t.Errorf("busy: got %t and error %v, want ErrShare", seen, err)
		}
		for i := range 3 {
			if seen, err := r.Seen("calm", fmt.Sprint(i), time.Now().Add(time.Minute)); seen || err != nil {
				t.Errorf("calm %d: got %t and error %v, want false", i, seen, err)
			}
		}
		if seen, err := r.Seen("new", "0", time.Now().Add(time.Minute)); seen || !errors.Is(err, proof.ErrFull) {
			t.Errorf("full: got %t and error %v, want ErrFull", seen, err)
		}
		if seen, err := r.Seen("busy", "0", time.Now().Add(time.Second)); !seen || err != nil {
			t.Errorf("full, used proof: got %t and error %v, want true", seen, err)
		}
		time.Sleep(time.Second + proof.StepBack) // the proofs of the busy client end
		for _, key := range []string{"busy", "new"} {
			if seen, err := r.Seen(key, "3", time.Now().Add(time.Second)); seen || err != nil {
				t.Errorf("%s, after the end: got %t and error %v, want false", key, seen, err)
			}
		}
	})
}
