package bearer

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/bearerkit/bearer/internal/jws"
)

// AddCheck adds a check to the table of checks until the end of the test. The check may
// depend on the time.
func AddCheck(t *testing.T, name string, refuses func(now time.Time) bool) {
	t.Helper()
	original := checks
	t.Cleanup(func() {
		checks = original
		rowsOf, rowsAgain = groupChecks(checks)
	})
	last := slices.IndexFunc(original, func(c check) bool { return c.stage == ofProof })
	checks = slices.Insert(slices.Clone(original), last, check{
		name: name, section: "test", stage: ofClaims,
		perRequest: func(_ *JWTVerifier, _ *token, now time.Time) *Error {
			if refuses(now) {
				return refuse(Revoked, "%s", name)
			}
			return nil
		},
		want: fixed("a wanted time"), got: fixed("the time"), advice: fixedAdvice("wait"),
	})
	rowsOf, rowsAgain = groupChecks(checks)
}

// CheckFaults returns the mistakes in the table of checks.
func CheckFaults() []string {
	var faults []string
	sample := &explainer{v: &JWTVerifier{profile: &profile{}}, decision: &decision{}, t: &token{header: &jws.Header{}, entry: &entry{}}}
	for i, c := range checks {
		for fault, found := range map[string]bool{
			"has no name": c.name == "", "has no section": c.section == "" && c.stage != ofForeign,
			"has no function in the field want": c.want == nil, "has no function in the field got": c.got == nil, "has no function in the field advice": c.advice == nil,
			"has no function in the fields perToken and perRequest, but its stage requires a function": (c.stage == beforeKey || c.stage == ofClaims) && c.perToken == nil && c.perRequest == nil,
			"has no function in the fields perToken, perRequest and explain":                           c.perToken == nil && c.perRequest == nil && c.explain == nil,
			"has functions in both fields perToken and perRequest":                                     c.perToken != nil && c.perRequest != nil,
			"has a function in the field perToken, but its stage does not call this function":          c.perToken != nil && c.stage != beforeKey && c.stage != ofClaims,
			"has a function in the field perRequest, but its stage does not call this function":        c.perRequest != nil && c.explain == nil && c.stage != beforeKey && c.stage != ofClaims,
			"returns an empty advice for a refusal":                                                    c.advice != nil && c.advice(sample, MissingScope) == "",
		} {
			if found {
				faults = append(faults, fmt.Sprintf("check %q %s", c.name, fault))
			}
		}
		if slices.ContainsFunc(checks[:i], func(other check) bool { return other.name == c.name }) {
			faults = append(faults, fmt.Sprintf("check %q has the same name as an earlier check", c.name))
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

// MaxRefusals is the maximum number of refusals that Config.Logger logs in a minute. Faults of
// this service do not count.
const MaxRefusals = maxRefusals

// MaxFaults is the maximum number of faults of this service that Config.Logger logs in a minute.
const MaxFaults = maxFaults

// ResetLog sets the state of the log for Config.Logger to the state in a new process. If help
// is true, the next record has the key "help", like the first record of a process.
func ResetLog(help bool) {
	refusals.Reset()
	faults.Reset()
	helpLogged.Store(!help)
}

// ProfileNames returns the names that [ProfileByName] lists.
func ProfileNames() []string { return profileNames() }
