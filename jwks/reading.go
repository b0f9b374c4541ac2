package jwks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// reading is the right to read some files. A read that hangs, for example on a network file system
// whose server is down, keeps a goroutine and a thread. So there is at most one read at a time, also
// if the goroutine that asked for it no longer waits. Otherwise each refresh adds a thread, and
// Go ends a program that has 10,000 of them. A reading is safe for concurrent use.
type reading chan struct{}

func newReading() reading { return make(reading, 1) }

// do calls read in a goroutine, and returns its results. It returns when ctx ends, even if read
// hangs. It waits until the calls of read before it have ended.
func (r reading) do(ctx context.Context, read func() ([]byte, error)) ([]byte, error) {
	select {
	case r <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("an earlier read has not ended: %w", context.Cause(ctx))
	}
	type result struct {
		data []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		var got result
		defer func() {
			if v := recover(); v != nil {
				got.err = fmt.Errorf("panic while files were read: %v", v)
			}
			<-r
			done <- got
		}()
		got.data, got.err = read()
	}()
	select {
	case got := <-done:
		return got.data, got.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// file returns the content of a regular file of at most limit bytes.
func (r reading) file(ctx context.Context, path string, limit int) ([]byte, error) {
	data, err := r.do(ctx, func() ([]byte, error) { return readRegular(path, limit) })
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return data, err
}

// errTooLong means that a file has more bytes than the limit.
var errTooLong = errors.New("file is too long")

// readRegular returns the content of a regular file of at most limit bytes. It opens no file that
// is not regular, because opening a device can have effects. If an attacker puts a pipe there
// between the two steps, readRegular does not wait for a writer.
func readRegular(path string, limit int) ([]byte, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = errNotRegular(path)
	}
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDONLY|noWait, 0) //nolint:gosec // the path is configured
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // an error of Close does not matter after reading
	if info, err = f.Stat(); err == nil && !info.Mode().IsRegular() {
		err = errNotRegular(path)
	}
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, int64(limit)+1))
	if err != nil {
		return nil, err
	}
	if len(data) > limit {
		return nil, fmt.Errorf("%s has more than %d bytes (%w)", path, limit, errTooLong)
	}
	return data, nil
}

func errNotRegular(path string) error { return fmt.Errorf("%s: not a regular file", path) }
