package bearer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
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
		o.allowed(ctx, e)
		return
	}
	if !e.Reason.known() {
		e.Reason = Internal // somebody else speaks: the set stays closed
	}
	if e.Abandoned(ctx) {
		e.Reason = "abandoned" // in no event: it stands where logs have the reason
		if level := o.level.Level(); o.logger.Enabled(ctx, level) && o.sample(e) {
			o.logger.LogAttrs(ctx, level, "bearer: request abandoned", e.attrs()...)
		}
		return
	}
	if level := o.levelOf(e.Reason); o.logger.Enabled(ctx, level) && o.sample(e) {
		o.logger.LogAttrs(ctx, level, "bearer: request refused", e.attrs()...)
	}
}

// allowed records a request that was let through, for an audit trail, and that it
// was so by the mode of its rule alone, which is on trial to see just this.
func (o *LogObserver) allowed(ctx context.Context, e Event) {
	if o.audit != nil && o.logger.Enabled(ctx, o.audit.Level()) {
		o.logger.LogAttrs(ctx, o.audit.Level(), "bearer: request allowed", e.attrs()...)
	}
	if e.Err == nil {
		return
	}
	e.Reason = asError(e.Err).Reason
	if level := o.levelOf(e.Reason); o.logger.Enabled(ctx, level) && o.sample(e) {
		o.logger.LogAttrs(ctx, level, "bearer: request would be refused", e.attrs()...)
	}
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

// attrs is what a log can have of an event.
func (e Event) attrs() []slog.Attr {
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
	attrs = append(attrs, slog.Duration("took", e.Duration))
	if e.Err != nil {
		detail := e.Err
		if refusal, ok := errors.AsType[*Error](e.Err); ok && refusal != nil {
			detail = refusal.Err // its reason is told
		}
		if detail != nil {
			text := quote.Line(detail.Error())
			attrs = append(attrs, slog.String("error", strings.ToValidUTF8(text[:min(len(text), maxDetail)], "")))
		}
	}
	return attrs
}

// maxDetail is how many bytes of an error go into a log.
const maxDetail = 1024
