package jwks

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// PublicAddress exports publicAddress for tests.
var PublicAddress = publicAddress

// ExceptLoopback exports exceptLoopback for tests.
var ExceptLoopback = exceptLoopback

// CheckAddress checks a connection to the "host:port" in address. The argument resolved is the
// address to which the host resolves. If the default Transport refuses the connection,
// CheckAddress returns the error.
func CheckAddress(address, resolved string, refusePrivate bool) error {
	for _, check := range addressChecks(address, refusePrivate) {
		if err := check(resolved); err != nil {
			return err
		}
	}
	return nil
}

// Suspend simulates that the machine is suspended for the duration d. The cache c behaves as if
// the wall clock had advanced by d and the monotonic clock had stopped.
func Suspend(c *Cache, d time.Duration) {
	s := *c.core.state.Load()
	s.until.wall -= int64(d)
	c.core.state.Store(&s)
	c.core.mu.Lock()
	defer c.core.mu.Unlock()
	c.core.scheduled.wall -= int64(d)
}

// ParseContext does what Parse does, but ends when ctx ends.
func ParseContext(ctx context.Context, document []byte) (*Set, error) {
	return parseAfter(ctx.Err, nil, document, (*Options)(nil).withDefaults().keyLimits())
}

// InUse returns the numbers of requests and bytes of l that are in use or for which caches wait,
// and the number of open caches.
func InUse(l *Limits) (requests, bytes, caches int) {
	l = l.share()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dispatchBytes()
	saved := l.bytes.rate * burstTime.Seconds()
	return len(l.slots.running) + l.slots.kept + l.slots.short.len() + l.slots.long.len(), l.bytes.waiting.len() + int(saved-l.bytes.balance), l.caches
}

// SetRate sets MaxBytesPerSecond to a rate that may be less than the least valid value. It must be
// called before the first use.
func (l *Limits) SetRate(bytesPerSecond int) {
	l = l.share()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.MaxBytesPerSecond = bytesPerSecond
	l.start()
	l.MaxBytesPerSecond = 0
}

// Authorize returns the field Authorization of a request to url. The argument configured is the
// configured URL, and file is Options.AuthorizationFile.
func Authorize(configured, url, file string) (sent string, err error) {
	rt := newAuthorizer(&Options{AuthorizationFile: file}, roundTrip(func(r *http.Request) (*http.Response, error) {
		sent = r.Header.Get("Authorization")
		return new(http.Response), nil
	}), configured)
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err == nil {
		_, err = rt.RoundTrip(req)
		if req.Header.Get("Authorization") != "" {
			err = errors.New("RoundTrip changed the request of the caller")
		}
	}
	return sent, err
}

// NewDefaultTransport exports newDefaultTransport for tests.
func NewDefaultTransport(o *Options, base *http.Transport, first string) http.RoundTripper {
	full := o.withDefaults()
	return newDefaultTransport(&full, base, first)
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// NewReading returns the method do of a new reading.
func NewReading() func(context.Context, func() ([]byte, error)) ([]byte, error) {
	return newReading().do
}

// ReadRegular exports readRegular for tests.
var ReadRegular = readRegular

// ContainsToken exports containsToken for tests.
var ContainsToken = containsToken

// ForgetForgotten makes the log limit of forgotten caches begin again.
func ForgetForgotten() { forgotten.Reset() }
