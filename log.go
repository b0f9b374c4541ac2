package bearer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bearerkit/bearer/internal/durations"
	"github.com/bearerkit/bearer/internal/norule"
	"github.com/bearerkit/bearer/internal/perminute"
	"github.com/bearerkit/bearer/internal/probe"
	"github.com/bearerkit/bearer/internal/quote"
)

// LogOptions configures a [LogObserver]. The zero LogOptions are suitable for most
// services. A nil *LogOptions has the same meaning as the zero LogOptions.
type LogOptions struct {
	// Level is the level of records of refusals. Faults of this service (KeysUnavailable,
	// Internal) are logged at least at [slog.LevelError]. There is one exception: if a request
	// ended while it waited for keys, the record has the level Level (see [Event.Abandoned]).
	// Nil means [slog.LevelWarn].
	Level slog.Leveler
	// Audit is the level of records of allowed requests. The number of these records is not
	// limited. Nil means no records of allowed requests.
	Audit slog.Leveler
	// Burst limits the number of records of refusals, so that a flood of refusals cannot fill
	// a disk. In each Interval, at most Burst refusals with the same reason, route and issuer
	// are logged. The total for all refusals with the same reason is at most 10 * Burst.
	// Further refusals are only counted. At the end of the Interval, the LogObserver writes
	// one record with this count for each reason. Zero means 10. A negative value means no
	// limit.
	Burst int
	// Interval is the period to which Burst applies. An Interval of less than 10 ms that does
	// not consist of whole milliseconds is an error, because it is usually a number without a
	// unit. Zero means 1 minute.
	Interval time.Duration
}

// LogObserver is an [Observer] that logs refusals. [LogOptions] limits the number of
// records. If a report-only rule waives a refusal, a LogObserver logs this refusal too (see
// [scopes.ReportOnly]). [NewLogObserver] returns a LogObserver. The zero LogObserver is not
// usable. Call Close before the process ends. A LogObserver is safe for concurrent use.
//
// A record has the fields "reason", "signature", "transport", "route", "issuer", "kid", "jti",
// "client_id", "took" and "error". The field "signature" contains "not_verified" if
// [Event.Unverified] is true: a stranger may have written the token, whatever the reason is.
// Otherwise, the field is omitted. The field "issuer" contains the configured issuer. The
// field "took" contains the duration of the decision. Empty fields are omitted. Values from
// the token are cut at 64 bytes and escaped. The text in the field "error" is cut at 1 KiB.
// If the token was not verified, values from the token may be forged. A record never
// contains the token.
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
	reports sync.WaitGroup // counts the running and the scheduled calls of reportUnlogged
}

// logKey identifies the refusals that share one limit of Burst.
type logKey struct {
	reason        Reason
	route, issuer string
}

// logCount counts the refusals with one reason in an interval.
type logCount struct{ logged, unlogged int }

// maxLogKeys is the maximum number of keys in one interval. Most services have few routes,
// but a guard of another package may report any text as the route.
const maxLogKeys = 10_000

const (
	// defaultBurst is the default of LogOptions.Burst.
	defaultBurst = 10
	// defaultInterval is the default of LogOptions.Interval.
	defaultInterval = time.Minute
	// shortestInterval is the shortest usual LogOptions.Interval. A shorter interval must
	// consist of whole milliseconds; see durations.Check.
	shortestInterval = 10 * time.Millisecond
	// reasonFactor limits the records of all refusals with one reason: at most reasonFactor
	// times LogOptions.Burst.
	reasonFactor = 10
)

// NewLogObserver returns a [LogObserver] that writes to logger. If the arguments have
// faults, the error lists every fault.
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
	if err := durations.Check("bearer: LogOptions.Interval", opts.Interval, shortestInterval, defaultInterval); err != nil {
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if o.level == nil {
		o.level = slog.LevelWarn
	}
	if o.burst == 0 {
		o.burst = defaultBurst
	}
	if o.interval == 0 {
		o.interval = defaultInterval
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
	message, level := e.messageAndLevel(ctx, o.level.Level())
	if o.logger.Enabled(ctx, level) && o.withinLimits(e) {
		o.logger.LogAttrs(ctx, level, message, e.attrs(maxDetail)...) //nolint:sloglint // the message is one of the constants in messageAndLevel
	}
}

// messageAndLevel returns the message and the level of the log record for e. It also sets
// e.Reason to the reason that the record shows. For a fault of this service, the level is
// at least slog.LevelError. For any other event, the level is minLevel. An abandoned
// request is not a fault of this service.
func (e *Event) messageAndLevel(ctx context.Context, minLevel slog.Level) (message string, level slog.Level) {
	message, level = "bearer: request refused", minLevel
	if e.Reason == "" { // a report-only rule waived the refusal
		message, e.Reason = "bearer: refusal reported, not enforced", refusalOf(e.Err, Internal).Reason
	}
	if !e.Reason.isKnown() { // only a guard of another package can report an unknown reason
		e.Reason = Internal
	}
	switch {
	case e.Abandoned(ctx):
		return "bearer: request abandoned", minLevel
	case e.Reason == KeysUnavailable || e.Reason == Internal:
		level = max(minLevel, slog.LevelError)
	}
	return message, level
}

const (
	// maxRefusals is the maximum number of refusals that the whole process logs to
	// Config.Logger in a minute. Because of this limit, a flood of invalid tokens cannot fill
	// a disk. Faults of this service are not among these refusals.
	maxRefusals = 80
	// maxFaults is the maximum number of faults of this service that the whole process logs in
	// a minute. Because this limit is separate, a flood of invalid tokens cannot hide a fault.
	maxFaults = 20
)

// The state of the limit on Config.Logger, which all verifiers of the process share.
// helpLogged is true after the first record was written. The first record explains how to
// log more refusals.
//
//nolint:gochecknoglobals // the limit is for the whole process
var (
	refusals, faults perminute.Count
	helpLogged       atomic.Bool
)

// logRefusal logs a refusal to Config.Logger, if the limit allows it. It calls the
// function event only if it logs the refusal. It recovers from a panic of the log handler,
// so that the panic does not affect the request. It does not log the requests of
// bearertest.Unguarded, which are refused on purpose. A client cannot mark a request in this
// way, because the mark is a value of the context.
func logRefusal(ctx context.Context, logger *slog.Logger, refusal *Error, event func() Event) {
	defer func() { _ = recover() }()
	if probe.Observes(ctx) {
		return
	}
	if logger == nil {
		logger = slog.Default()
	}
	e := Event{Reason: refusal.Reason}
	_, level := e.messageAndLevel(ctx, slog.LevelWarn)
	if !logger.Enabled(ctx, level) {
		return
	}
	// The limit applies to the current minute, and not to the minute in which the request
	// started. When an outage ends, many requests end in the same minute, but they started in
	// different minutes. Their records must stay within the limit of one minute.
	count, limit, lastHelp := &refusals, uint64(maxRefusals), "further refusals of this minute are not logged"
	if level > slog.LevelWarn {
		count, limit, lastHelp = &faults, maxFaults, "further faults of this minute are not logged"
	}
	number, unlogged := count.Add(time.Now(), limit)
	if number > limit {
		return
	}
	e = event()
	message, level := e.messageAndLevel(ctx, slog.LevelWarn)
	detail := maxDetail
	if !refusal.ownText {
		detail = maxForeign // the text is from a hook or a verifier of another package, and may quote long claims
		//nolint:errorlint // the error is never inside another error
		if n, ok := refusal.Err.(*norule.Error); ok {
			detail += len(n.Prefix())
		}
	}
	attrs := e.attrs(detail)
	if unlogged > 0 {
		attrs = append(attrs, slog.Uint64("not_logged_before", unlogged))
	}
	if number == limit {
		attrs = append(attrs, slog.String("help", lastHelp))
	} else if !helpLogged.Swap(true) {
		attrs = append(attrs, slog.String("help", "at most "+strconv.Itoa(maxRefusals)+" refusals and "+strconv.Itoa(maxFaults)+" faults of this service are logged per minute; "+
			"to choose the logger, set bearer.Config.Logger; to log more, use bearer.NewLogObserver; to see every check of a token, use bearer.Explain"))
	}
	logger.LogAttrs(ctx, level, message, attrs...) //nolint:sloglint // the message is one of the constants in messageAndLevel
}

func (o *LogObserver) levelOf(reason Reason) slog.Level {
	if reason == KeysUnavailable || reason == Internal {
		return max(o.level.Level(), slog.LevelError)
	}
	return o.level.Level()
}

// withinLimits counts a refusal and reports whether the limits of LogOptions allow a
// record.
func (o *LogObserver) withinLimits(e Event) bool {
	if o.burst < 0 {
		return true
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if now := time.Now(); o.timer == nil && !now.Before(o.ends) {
		o.startInterval(now)
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
	if o.logged[key] < o.burst && count.logged < reasonFactor*o.burst {
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

// startInterval starts an interval. The caller must hold o.mu.
func (o *LogObserver) startInterval(now time.Time) {
	o.logged, o.reasons, o.ends = make(map[logKey]int), make(map[Reason]*logCount), now.Add(o.interval)
}

// reportUnlogged writes the records that contain the counts of an interval.
func (o *LogObserver) reportUnlogged() {
	defer o.reports.Done()
	defer func() {
		// Without this recover, a panic of the log handler ends the process. A server recovers
		// only from panics in its own goroutines.
		_ = recover()
	}()
	o.mu.Lock()
	reasons := o.reasons
	o.timer = nil
	o.startInterval(time.Now())
	o.mu.Unlock()
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		if count := reasons[reason]; count.unlogged > 0 {
			o.logger.LogAttrs(context.Background(), o.levelOf(reason), "bearer: more requests refused",
				slog.String("reason", string(reason)), slog.Int("count", count.unlogged), slog.Duration("within", o.interval))
		}
	}
}

// Close writes the counts of refusals that were not yet logged. It returns after the log
// handler has written these records. Close may be called more than once. The error is
// always nil.
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

// attrs returns the log attributes of an event. The attribute "error" has at most maxText
// bytes.
func (e Event) attrs(maxText int) []slog.Attr {
	attrs := make([]slog.Attr, 0, 10)
	add := func(name, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(name, value))
		}
	}
	add("reason", string(e.Reason))
	if e.Unverified {
		add("signature", "not_verified")
	}
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
			err = refusal.Err // omits the reason, because the record has the attribute "reason"
		}
		if err != nil {
			text := quote.Line(err.Error())
			attrs = append(attrs, slog.String("error", strings.ToValidUTF8(text[:min(len(text), maxText)], "")))
		}
	}
	return attrs
}

const (
	// maxDetail is the maximum number of bytes of an error in a record.
	maxDetail = 1024
	// maxForeign replaces maxDetail in a record for Config.Logger if the text of the error
	// comes from code outside this package.
	maxForeign = 128
)
