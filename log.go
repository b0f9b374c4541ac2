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

// LogOptions adjusts a [LogObserver]. The zero LogOptions, and nil, are fine for
// most.
type LogOptions struct {
	// Level is that of records about refusals. What is our side's fault
	// (KeysUnavailable, Internal) is recorded at [slog.LevelError], if that is
	// higher, but not what was abandoned. Nil: [slog.LevelWarn].
	Level slog.Leveler
	// Audit is the level of a record about each request that was let through, for
	// an audit trail: it is not sampled. Nil: no such records.
	Audit slog.Leveler
	// Burst is how many refusals with one reason, on one route and with tokens of
	// one issuer, are recorded in each Interval; with one reason in all it is ten
	// times as many. Further ones are counted, and told at the Interval's end in
	// one record for each reason, so that a flood cannot fill a disk. Zero: 10.
	// Negative: all are recorded.
	Burst int
	// Interval is for Burst. Zero: 1 minute.
	Interval time.Duration
}

// LogObserver is an [Observer] that makes a log record of each refusal, and of what
// a rule in the mode of [scopes.ReportOnly] would refuse, within the bounds of
// LogOptions. [NewLogObserver] makes one; Close it at the end. It
// is safe for concurrent use.
//
// A record has what is known of transport, route, reason, issuer (the configured
// one), kid, jti, client_id and error. What the client chose is escaped and cut at
// 64 bytes; of a token that was not verified it is what the token says of itself.
// The token is never among it.
type LogObserver struct {
	logger   *slog.Logger
	level    slog.Leveler
	audit    slog.Leveler
	burst    int
	interval time.Duration

	mu      sync.Mutex // guards what follows
	logged  map[logKey]int
	reasons map[Reason]*logCount
	ends    time.Time // when the interval does
	timer   *time.Timer
	closed  bool
	telling sync.WaitGroup // the timer's calls
}

// logKey is what is sampled together.
type logKey struct {
	reason        Reason
	route, issuer string
}

// logCount is what became of the refusals with one reason in an interval.
type logCount struct{ logged, left int }

// maxLogKeys bounds what is told apart: routes are patterns, but guards of others
// may say anything.
const maxLogKeys = 10_000

// NewLogObserver returns an Observer that writes to logger. The error reports all
// that is wrong at once.
func NewLogObserver(logger *slog.Logger, opts *LogOptions) (*LogObserver, error) {
	if opts == nil {
		opts = &LogOptions{}
	}
	o := &LogObserver{logger: logger, level: opts.Level, audit: opts.Audit, burst: opts.Burst, interval: opts.Interval}
	var errs []error
	if logger == nil {
		errs = append(errs, errors.New("bearer: NewLogObserver: logger: nil"))
	}
	if opts.Interval < 0 {
		errs = append(errs, fmt.Errorf("bearer: LogOptions.Interval: %v: negative", opts.Interval))
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
		o.logger.LogAttrs(ctx, level, message, e.attrs(maxDetail)...) //nolint:sloglint // one of the constants of record
	}
}

// record sets e.Reason to what a log says of a refusal, and returns message and level of
// the record. The level is least, or slog.LevelError for a fault of this service.
func (e *Event) record(ctx context.Context, least slog.Level) (message string, level slog.Level) {
	message, level = "bearer: request refused", least
	if e.Reason == "" { // a rule in the mode of scopes.ReportOnly
		message, e.Reason = "bearer: request would be refused", asError(e.Err).Reason
	}
	if !e.Reason.known() { // of a foreign verifier
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
	// maxRefusals is how many refusals a minute Config.Logger gets, of the whole process: a
	// flood of bad tokens must not fill a disk.
	maxRefusals = 100
	// maxFaults is how many of them are kept for faults of this service: a flood must not
	// hide them.
	maxFaults = 20
)

// minuteCount counts the records of a minute: the minute in the upper half, the count in
// the lower half.
type minuteCount struct{ state atomic.Uint64 }

// add counts a record and reports whether it is within the limit, and how many of the last
// minute with records were not.
func (c *minuteCount) add(now time.Time, limit uint64) (ok bool, left uint64) {
	minute := uint64(now.Unix()/60) & math.MaxUint32 //nolint:gosec // any bits will do: the minute is only compared
	for {
		old := c.state.Load()
		if old>>32 == minute {
			return c.state.Add(1)&math.MaxUint32 <= limit, 0
		}
		if c.state.CompareAndSwap(old, minute<<32|1) {
			if count := old & math.MaxUint32; count > limit {
				left = count - limit
			}
			return true, left
		}
	}
}

// The records for Config.Logger, of the whole process. explained says that one has told
// how to see more.
//
//nolint:gochecknoglobals // the limit is the process's
var (
	refusals, faults minuteCount
	explained        atomic.Bool
)

// logRefusal writes a record of a refusal to Config.Logger, within the limit. It calls
// event only if there is a record to write. A panic of the handler changes nothing in what
// becomes of the request.
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
	// The time of the record, not of the request: requests of several minutes end at once
	// when an outage does.
	count, limit := &refusals, uint64(maxRefusals-maxFaults)
	if level > slog.LevelWarn {
		count, limit = &faults, maxFaults
	}
	ok, left := count.add(time.Now(), limit)
	if !ok {
		return
	}
	e = event()
	message, level := e.record(ctx, slog.LevelWarn)
	detail := maxDetail
	if !refusal.ours {
		detail = maxForeign // a hook or a verifier wrote it, and may quote any length of a claim
	}
	attrs := e.attrs(detail)
	if left > 0 {
		attrs = append(attrs, slog.Uint64("not_logged_before", left))
	}
	if !explained.Swap(true) {
		attrs = append(attrs, slog.String("help", "at most "+strconv.Itoa(maxRefusals)+" refusals a minute are logged; "+
			"bearer.Config.Logger chooses where, bearer.NewLogObserver logs more, bearer.Explain shows every check"))
	}
	logger.LogAttrs(ctx, level, message, attrs...) //nolint:sloglint // one of the constants of record
}

func (o *LogObserver) levelOf(reason Reason) slog.Level {
	if reason == KeysUnavailable || reason == Internal {
		return max(o.level.Level(), slog.LevelError)
	}
	return o.level.Level()
}

// sample reports whether a refusal is to be recorded, and counts it.
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
	count.left++
	if o.timer == nil && !o.closed {
		o.telling.Add(1)
		o.timer = time.AfterFunc(time.Until(o.ends), o.tell)
	}
	return false
}

// begin begins an interval. The caller holds o.mu.
func (o *LogObserver) begin(now time.Time) {
	o.logged, o.reasons, o.ends = make(map[logKey]int), make(map[Reason]*logCount), now.Add(o.interval)
}

// tell makes the records at an interval's end.
func (o *LogObserver) tell() {
	defer o.telling.Done()
	defer func() {
		// A handler's panic would end the process here, where nobody's request
		// is.
		_ = recover()
	}()
	o.mu.Lock()
	reasons := o.reasons
	o.timer = nil
	o.begin(time.Now())
	o.mu.Unlock()
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		if count := reasons[reason]; count.left > 0 {
			o.logger.LogAttrs(context.Background(), o.levelOf(reason), "bearer: more requests refused",
				slog.String("reason", string(reason)), slog.Int("count", count.left), slog.Duration("within", o.interval))
		}
	}
}

// Close tells what was counted and not told yet, and waits for it. It may be
// called more than once; the error is always nil.
func (o *LogObserver) Close() error {
	o.mu.Lock()
	o.closed = true
	if o.timer != nil && o.timer.Stop() {
		go o.tell()
	}
	o.mu.Unlock()
	o.telling.Wait()
	return nil
}

// attrs returns what a log shows of an event, with at most maxText bytes of its error.
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
			err = refusal.Err // the record has the reason already
		}
		if err != nil {
			text := quote.Line(err.Error())
			attrs = append(attrs, slog.String("error", strings.ToValidUTF8(text[:min(len(text), maxText)], "")))
		}
	}
	return attrs
}

const (
	// maxDetail is how many bytes of an error go into a log.
	maxDetail = 1024
	// maxForeign is how many bytes Config.Logger gets of an error that this package has not
	// written.
	maxForeign = 128
)
