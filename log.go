package bearer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bearerkit/bearer/internal/quote"
)

// LogOptions configures a [LogObserver]. The zero LogOptions and nil suit most services.
type LogOptions struct {
	// Level is the level of records of refusals. Faults of this service (KeysUnavailable,
	// Internal) are logged at [slog.LevelError] if that level is higher, except if the client
	// abandoned the request. Nil means [slog.LevelWarn].
	Level slog.Leveler
	// Audit is the level of records of allowed requests, for an audit trail. These records are
	// not limited. Nil means no records of allowed requests.
	Audit slog.Leveler
	// Burst limits the records of refusals. In each Interval, at most Burst refusals are
	// recorded for the same reason, route and issuer, and at most 10 times Burst for the same
	// reason. Further refusals are counted, and at the end of the Interval one record for each
	// reason contains the count. So a flood of refusals cannot fill a disk. Zero means 10. A
	// negative value means no limit.
	Burst int
	// Interval is the time to which Burst applies. Zero means 1 minute.
	Interval time.Duration
}

// LogObserver is an [Observer] that logs refusals, within the limits of [LogOptions]. It
// also logs the refusals that report-only rules waive (see [scopes.ReportOnly]).
// [NewLogObserver] returns a LogObserver; the zero LogObserver is not usable. Call Close
// before the process ends. A LogObserver is safe for concurrent use.
//
// A record has these fields: reason, transport, route, issuer (the configured issuer), kid,
// jti, client_id, took (the duration) and error. Empty fields are omitted. Values from the
// token are cut at 64 bytes and escaped, and the error is cut at 1 KiB. If the token was
// not verified, values from the token may be forged. A record never contains the token.
type LogObserver struct {
	logger   *slog.Logger
	level    slog.Leveler
	audit    slog.Leveler
	burst    int
	interval time.Duration

	mu      sync.Mutex // guards the fields below
	logged  map[logKey]int
	reasons map[Reason]*logCount
	ends    time.Time // when the interval ends
	timer   *time.Timer
	closed  bool
	reports sync.WaitGroup // running and scheduled calls of reportUnlogged
}

// logKey identifies the refusals that share one limit of Burst.
type logKey struct {
	reason        Reason
	route, issuer string
}

// logCount counts the refusals with one reason in an interval.
type logCount struct{ logged, unlogged int }

// maxLogKeys limits the number of keys in one interval. There are few patterns of routes,
// but a guard of another package may report any text as the route.
const maxLogKeys = 10_000

// NewLogObserver returns a [LogObserver] that writes to logger. The error lists every fault
// of the arguments.
func NewLogObserver(logger *slog.Logger, opts *LogOptions) (*LogObserver, error) {
	if opts == nil {
		opts = &LogOptions{}
	}
	o := &LogObserver{logger: logger, level: opts.Level, audit: opts.Audit, burst: opts.Burst, interval: opts.Interval}
	var errs []error
	if logger == nil {
		errs = append(errs, errors.New("bearer: NewLogObserver: logger: nil; want a *slog.Logger"))
	}
	if opts.Interval < 0 {
		errs = append(errs, fmt.Errorf("bearer: LogOptions.Interval: %v is negative; 0 means 1 minute", opts.Interval))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if o.level == nil {
		o.level = slog.LevelWarn
	}
	if o.burst == 0 {
		o.burst = 10
	}
	if o.interval == 0 {
		o.interval = time.Minute
	}
	return o, nil
}

// Observe implements [Observer].
func (o *LogObserver) Observe(ctx context.Context, e Event) {
	if e.Reason == "" {
		if o.audit != nil && o.logger.Enabled(ctx, o.audit.Level()) {
			o.logger.LogAttrs(ctx, o.audit.Level(), "bearer: request allowed", e.attrs(maxDetail)...)
		}
		if e.Err == nil {
			return
		}
	}
	message, level := e.record(ctx, o.level.Level())
	if o.logger.Enabled(ctx, level) && o.sample(e) {
		o.logger.LogAttrs(ctx, level, message, e.attrs(maxDetail)...) //nolint:sloglint // the message is one of the constants in record
	}
}

// record sets e.Reason to the reason for the log, and returns the message and the level of
// the record. The level is least; for a fault of this service, it is at least
// slog.LevelError.
func (e *Event) record(ctx context.Context, least slog.Level) (message string, level slog.Level) {
	message, level = "bearer: request refused", least
	if e.Reason == "" { // a report-only rule waived the refusal
		message, e.Reason = "bearer: refusal reported, not enforced", asError(e.Err).Reason
	}
	if !e.Reason.known() { // a guard of another package reported the event
		e.Reason = Internal
	}
	switch {
	case e.Abandoned(ctx):
		return "bearer: request abandoned", least
	case e.Reason == KeysUnavailable || e.Reason == Internal:
		level = max(least, slog.LevelError)
	}
	return message, level
}

const (
	// maxRefusals is how many refusals the whole process logs to Config.Logger in a minute, so
	// that a flood of bad tokens cannot fill a disk.
	maxRefusals = 100
	// maxFaults is how many of maxRefusals are reserved for faults of this service, so that a
	// flood of bad tokens cannot hide them.
	maxFaults = 20
)

// minuteCount counts the records of one minute. The upper half of state is the minute, and
// the lower half is the count.
type minuteCount struct{ state atomic.Uint64 }

// add counts a record and reports whether the record is within limit. For the first record
// of a minute, add also returns, as unlogged, how many records were over the limit in the
// last minute that had records.
func (c *minuteCount) add(now time.Time, limit uint64) (ok bool, unlogged uint64) {
	minute := uint64(now.Unix()/60) & math.MaxUint32 //nolint:gosec // the minute is only compared, so an overflow does no harm
	for {
		old := c.state.Load()
		if old>>32 == minute {
			return c.state.Add(1)&math.MaxUint32 <= limit, 0
		}
		if c.state.CompareAndSwap(old, minute<<32|1) {
			if count := old & math.MaxUint32; count > limit {
				unlogged = count - limit
			}
			return true, unlogged
		}
	}
}

// The state of the limit on Config.Logger, which the whole process shares. helpLogged is
// true after the first record, which explains how to log more.
//
//nolint:gochecknoglobals // the limit is for the whole process
var (
	refusals, faults minuteCount
	helpLogged       atomic.Bool
)

// logRefusal logs a refusal to Config.Logger, within the limit. It calls event only if the
// refusal is logged. A panic of the log handler does not affect the request.
func logRefusal(ctx context.Context, logger *slog.Logger, refusal *Error, event func() Event) {
	defer func() { _ = recover() }()
	if logger == nil {
		logger = slog.Default()
	}
	e := Event{Reason: refusal.Reason}
	_, level := e.record(ctx, slog.LevelWarn)
	if !logger.Enabled(ctx, level) {
		return
	}
	// This uses the current time, not the start of the request: when an outage ends, requests
	// that started in several different minutes end together.
	count, limit := &refusals, uint64(maxRefusals-maxFaults)
	if level > slog.LevelWarn {
		count, limit = &faults, maxFaults
	}
	ok, unlogged := count.add(time.Now(), limit)
	if !ok {
		return
	}
	e = event()
	message, level := e.record(ctx, slog.LevelWarn)
	detail := maxDetail
	if !refusal.ownText {
		detail = maxForeign // a hook or another verifier wrote the text, and may quote long claims
	}
	attrs := e.attrs(detail)
	if unlogged > 0 {
		attrs = append(attrs, slog.Uint64("not_logged_before", unlogged))
	}
	if !helpLogged.Swap(true) {
		attrs = append(attrs, slog.String("help", "at most "+strconv.Itoa(maxRefusals)+" refusals a minute are logged; "+
			"bearer.Config.Logger chooses where, bearer.NewLogObserver logs more, bearer.Explain shows every check"))
	}
	logger.LogAttrs(ctx, level, message, attrs...) //nolint:sloglint // the message is one of the constants in record
}

func (o *LogObserver) levelOf(reason Reason) slog.Level {
	if reason == KeysUnavailable || reason == Internal {
		return max(o.level.Level(), slog.LevelError)
	}
	return o.level.Level()
}

// sample counts a refusal and reports whether it is within the limits.
func (o *LogObserver) sample(e Event) bool {
	if o.burst < 0 {
		return true
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if now := time.Now(); o.timer == nil && !now.Before(o.ends) {
		o.begin(now)
	}
	key := logKey{e.Reason, e.Route, e.Issuer}
	if len(o.logged) >= maxLogKeys {
		key = logKey{reason: e.Reason}
	}
	count := o.reasons[e.Reason]
	if count == nil {
		count = &logCount{}
		o.reasons[e.Reason] = count
	}
	if o.logged[key] < o.burst && count.logged < 10*o.burst {
		o.logged[key]++
		count.logged++
		return true
	}
	count.unlogged++
	if o.timer == nil && !o.closed {
		o.reports.Add(1)
		o.timer = time.AfterFunc(time.Until(o.ends), o.reportUnlogged)
	}
	return false
}

// begin starts an interval. The caller holds o.mu.
func (o *LogObserver) begin(now time.Time) {
	o.logged, o.reasons, o.ends = make(map[logKey]int), make(map[Reason]*logCount), now.Add(o.interval)
}

// reportUnlogged writes the records at the end of an interval.
func (o *LogObserver) reportUnlogged() {
	defer o.reports.Done()
	defer func() {
		// A panic of the log handler must not end the process: this goroutine belongs to no
		// request.
		_ = recover()
	}()
	o.mu.Lock()
	reasons := o.reasons
	o.timer = nil
	o.begin(time.Now())
	o.mu.Unlock()
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		if count := reasons[reason]; count.unlogged > 0 {
			o.logger.LogAttrs(context.Background(), o.levelOf(reason), "bearer: more requests refused",
				slog.String("reason", string(reason)), slog.Int("count", count.unlogged), slog.Duration("within", o.interval))
		}
	}
}

// Close writes the pending records of counted refusals and waits until they are written.
// It may be called more than once. The error is always nil.
func (o *LogObserver) Close() error {
	o.mu.Lock()
	o.closed = true
	if o.timer != nil && o.timer.Stop() {
		go o.reportUnlogged()
	}
	o.mu.Unlock()
	o.reports.Wait()
	return nil
}

// attrs returns the log attributes of an event, with at most maxText bytes of its error.
func (e Event) attrs(maxText int) []slog.Attr {
	attrs := make([]slog.Attr, 0, 9)
	add := func(name, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(name, value))
		}
	}
	add("reason", string(e.Reason))
	add("transport", e.Transport)
	add("route", e.Route)
	add("issuer", e.Issuer)
	add("kid", quote.Escape(e.KeyID()))
	add("jti", quote.Escape(e.TokenID()))
	add("client_id", quote.Escape(e.ClientID()))
	if e.Duration > 0 {
		attrs = append(attrs, slog.Duration("took", e.Duration))
	}
	if e.Err != nil {
		err := e.Err
		if refusal, ok := errors.AsType[*Error](e.Err); ok && refusal != nil {
			err = refusal.Err // without the reason, which the record has in its own field
		}
		if err != nil {
			text := quote.Line(err.Error())
			attrs = append(attrs, slog.String("error", strings.ToValidUTF8(text[:min(len(text), maxText)], "")))
		}
	}
	return attrs
}

const (
	// maxDetail is how many bytes of an error are logged.
	maxDetail = 1024
	// maxForeign is how many bytes of an error are logged to Config.Logger if the error is not
	// from this package.
	maxForeign = 128
)
