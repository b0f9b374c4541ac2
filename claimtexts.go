package bearer

import (
	"slices"
	"strconv"
	"strings"

	"github.com/bearerkit/bearer/internal/claim"
	"github.com/bearerkit/bearer/internal/quote"
	"github.com/bearerkit/bearer/internal/strictjson"
)

// The functions below return the texts of the checks that a configuration or a profile sets for
// single claims.

func (e *explainer) wantRequired() string {
	return quote.List(pathNames(slices.Concat(e.v.profile.required, e.v.required)))
}

func (e *explainer) gotRequired() string {
	var missing []claim.Path
	for _, path := range slices.Concat(e.v.profile.required, e.v.required) {
		if !e.t.claims().hasClaim(path) {
			missing = append(missing, path)
		}
	}
	if missing == nil {
		return "all present"
	}
	return "missing: " + quote.List(pathNames(missing)) + e.t.claims().hints(missing)
}

func (e *explainer) wantValues() string {
	if len(e.v.profile.requiredValues) == 0 {
		return "nothing"
	}
	var wants []string
	for _, w := range e.v.profile.requiredValues {
		wants = append(wants, w.path.String()+" one of "+quote.List(w.values))
	}
	return strings.Join(wants, ", ")
}

func (e *explainer) gotValues() string {
	var got []string
	var paths []claim.Path
	for _, w := range e.v.profile.requiredValues {
		paths = append(paths, w.path)
		text, ok := strictjson.String(w.path.In(&e.t.claims().members))
		if text = strconv.Quote(quote.Cut(text)); !ok {
			text = "none"
		}
		got = append(got, w.path.String()+" "+text)
	}
	return strings.Join(got, ", ") + e.t.claims().hints(paths)
}

func (e *explainer) wantTenant() string {
	if e.v.tenants == nil {
		return "any"
	}
	return "one of " + e.v.tenants.String()
}

func (e *explainer) gotTenant() string {
	if e.v.tenants == nil {
		return e.v.unlisted
	}
	return e.v.tenants.Values(&e.t.claims().members)
}

func (e *explainer) wantKind() string {
	if len(e.v.profile.forbidden) == 0 {
		return "any"
	}
	return "an access token: without " + quote.List(pathNames(e.v.profile.forbidden))
}

func (e *explainer) gotKind() string {
	var marks []string
	for _, path := range e.v.profile.forbidden {
		if path.In(&e.t.claims().members) != "" {
			marks = append(marks, path.String())
		}
	}
	if marks == nil {
		return ""
	}
	return "with " + quote.List(marks)
}
