package jwks_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearer/jwks"
)

// A read that hangs, for example on a network file system, keeps one goroutine, however often the
// cache tries again. When the read ends, the next one reads the files again.
func TestReadThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		read := jwks.NewReading()
		hang, started := make(chan struct{}), 0
		try := func() (string, error) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			data, err := read(ctx, func() ([]byte, error) {
				started++
				if started == 1 {
					<-hang
					return []byte("old"), nil
				}
				return []byte("new"), nil
			})
			synctest.Wait()
			return string(data), err
		}
		for range 100 {
			begin := time.Now()
			if _, err := try(); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("got error %v, want that of the context", err)
			}
			want(t, "time", time.Since(begin), time.Second)
		}
		want(t, "reads that began", started, 1)
		close(hang)
		got, err := try()
		if err != nil {
			t.Fatal(err)
		}
		want(t, "content", got, "new")
	})
}

// A panic during a read is an error, and the next read works.
func TestReadThatPanics(t *testing.T) {
	read := jwks.NewReading()
	_, err := read(t.Context(), func() ([]byte, error) { panic("x") })
	wantText(t, err, "panic while files were read: x")
	_, err = read(t.Context(), func() ([]byte, error) { return nil, nil })
	if err != nil {
		t.Error(err)
	}
}
