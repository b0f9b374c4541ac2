package guard

import (
	"context"
	"errors"

	"github.com/bearerkit/bearer"
)

// Decide is [bearer.Decide] with the modes of rules. Under a rule that is
// optional it lets callers without credentials through, with no claims in the
// context. Under one that is only reported it lets those through whom the rule
// alone would refuse: the observer's event has no Reason then, as for everybody
// who is let through, and the verdict as its Err.
func Decide(ctx context.Context, v bearer.Verifier, req bearer.Request) (context.Context, error) {
	m := &modes{Verifier: v, reportOnly: req.Rule.IsReportOnly(), optional: req.Rule.IsOptional()}
	if !m.reportOnly && !m.optional {
		return bearer.Decide(ctx, v, req)
	}
	asked := bearer.Verifier(m)
	if o, ok := v.(bearer.Observer); ok {
		asked = &observedModes{m, o}
	}
	allowed, err := bearer.Decide(ctx, asked, req)
	switch {
	case err == nil:
		return allowed, nil
	case m.anonymous(err):
		return bearer.NewContext(ctx, nil), nil
	case m.reported(err):
		return bearer.NewContext(ctx, m.claims), nil
	}
	return nil, err
}

// modes is a verifier that remembers, for one request, how far it came.
type modes struct {
	bearer.Verifier
	reportOnly, optional bool

	verified bool           // Verify was called: there were credentials
	claims   *bearer.Claims // what it returned
}

// Verify asks the verifier.
func (m *modes) Verify(ctx context.Context, token string) (*bearer.Claims, error) {
	m.verified = true
	claims, err := m.Verifier.Verify(ctx, token)
	if err == nil {
		m.claims = claims
	}
	return claims, err
}

// anonymous reports whether err is about missing credentials and nothing else.
func (m *modes) anonymous(err error) bool {
	return m.optional && !m.verified && reason(err) == bearer.NoToken
}

// reported reports whether err is the rule's own verdict on a token that is good.
func (m *modes) reported(err error) bool {
	return m.reportOnly && m.claims != nil && reason(err) == bearer.MissingScope
}

// observedModes is modes around a verifier that is an observer too.
type observedModes struct {
	*modes
	observer bearer.Observer
}

// Observe tells what becomes of the request, where that is not what the decision
// says.
func (m *observedModes) Observe(ctx context.Context, e bearer.Event) {
	switch {
	case m.anonymous(e.Err):
		e.Reason, e.Err = "", nil
	case m.reported(e.Err):
		e.Reason = ""
	}
	m.observer.Observe(ctx, e)
}

// reason returns the reason of an error of bearer.Decide, or "" for nil.
func reason(err error) bearer.Reason {
	if e, ok := errors.AsType[*bearer.Error](err); ok {
		return e.Reason
	}
	return ""
}
