package bearer

import (
	"slices"
	"testing"
	"time"

	"github.com/bearerkit/bearer/internal/jws"
)

// AddCheck adds a check that may depend on the time to the table of checks, for the
// duration of a test.
func AddCheck(t *testing.T, name string, refuses func(now time.Time) bool) {
	t.Helper()
	before := checks
	t.Cleanup(func() { checks = before })
	last := slices.IndexFunc(before, func(c check) bool { return c.stage == ofProof })
	checks = slices.Insert(slices.Clone(before), last, check{
		name: name, section: "test", stage: ofClaims,
		always: func(_ *JWTVerifier, _ *token, now time.Time) *Error {
			if refuses(now) {
				return refuse(Revoked, "%s", name)
			}
			return nil
		},
		want: fixed("a wanted time"), got: fixed("the time"), advice: fixedAdvice("wait"),
	})
}

// CheckFaults returns the mistakes in the table of checks.
func CheckFaults() []string {
	var faults []string
	sample := &explainer{decision: &decision{}, t: &token{header: &jws.Header{}, entry: &entry{}}}
	for i, c := range checks {
		for what, missing := range map[string]bool{
			"name": c.name == "", "section": c.section == "" && c.stage != ofForeign,
			"want": c.want == nil, "got": c.got == nil, "advice": c.advice == nil,
			"function for the verdict": (c.stage == beforeKey || c.stage == ofClaims) && c.once == nil && c.always == nil,
			"function":                 c.once == nil && c.always == nil && c.explain == nil,
			"single function (it has both once and always)": c.once != nil && c.always != nil,
			"stage in which once runs for a new token":      c.once != nil && c.stage != beforeKey && c.stage != ofClaims,
			"stage in which always runs for a new token":    c.always != nil && c.explain == nil && c.stage != beforeKey && c.stage != ofClaims,
			"advice for a refusal":                          c.advice != nil && c.advice(sample, MissingScope) == "",
		} {
			if missing {
				faults = append(faults, c.name+": no "+what)
			}
		}
		if slices.ContainsFunc(checks[:i], func(other check) bool { return other.name == c.name }) {
			faults = append(faults, c.name+": two checks have this name")
		}
	}
	return faults
}

// CheckNames returns the names of all checks.
func CheckNames() []string {
	names := make([]string, len(checks))
	for i, c := range checks {
		names[i] = c.name
	}
	return names
}

// MaxRefusals is the maximum number of refusals that Config.Logger logs in a minute.
const MaxRefusals = maxRefusals

// MaxFaults is the part of MaxRefusals that is reserved for faults of this service.
const MaxFaults = maxFaults

// ResetLog resets the state of the log to Config.Logger, as in a new process. If help is
// true, the next record has the key "help", as the first record of a process has.
func ResetLog(help bool) {
	refusals.state.Store(0)
	faults.state.Store(0)
	helpLogged.Store(!help)
}

// ProfileNames returns the names that [ProfileByName] lists.
func ProfileNames() []string { return profileNames() }
