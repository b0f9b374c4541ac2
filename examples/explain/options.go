package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/scopes"
)

// options is what the command line says.
type options struct {
	issuer     string
	discover   bool // the issuer was named by whoever runs this
	keys       string
	audience   []string
	algorithms []string
	profile    bearer.Profile
	rule       scopes.Rule
	json       bool
	file       string
}

// profiles is by the names that -profile knows.
var profiles = map[string]bearer.Profile{
	"rfc9068": {}, "scalekit": bearer.Scalekit, "auth0": bearer.Auth0, "okta": bearer.Okta, "keycloak": bearer.Keycloak,
	"entrav1": bearer.EntraV1, "entrav2": bearer.EntraV2, "cognito": bearer.Cognito, "google": bearer.Google,
	"pingone": bearer.PingOne, "zitadel": bearer.Zitadel, "hydra": bearer.Hydra, "fusionauth": bearer.FusionAuth,
	"workos": bearer.WorkOS, "stytch": bearer.Stytch, "kinde": bearer.Kinde, "githubactions": bearer.GitHubActions,
	"kubernetes": bearer.Kubernetes,
}

// parse reads the command line.
func parse(args []string, stderr io.Writer) (*options, error) {
	o := &options{}
	var audience, algorithms, profile, rule string
	names := strings.Join(slices.Sorted(maps.Keys(profiles)), ", ")
	flags := flag.NewFlagSet("explain", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.issuer, "issuer", "", "the configured issuer, and where its keys are found without -keys")
	flags.StringVar(&o.keys, "keys", "", "a `file` with the issuer's JWK set, or its URL")
	flags.StringVar(&audience, "audience", "", "the configured audience, or several with commas between them")
	flags.StringVar(&algorithms, "algorithms", "", "the accepted algorithms with commas between them; empty: the defaults")
	flags.StringVar(&profile, "profile", "rfc9068", "the form of the issuer's tokens: "+names)
	flags.StringVar(&rule, "rule", "", "what the route asks for: scopes with \"and\" and \"or\" between them; empty: any valid token")
	flags.BoolVar(&o.json, "json", false, "print JSON")
	flags.Usage = func() {
		_, _ = fmt.Fprintln(stderr, "usage: explain [flags] [file with the token]   (without a file it is read from standard input)")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	var errs []error
	if flags.NArg() > 1 {
		errs = append(errs, fmt.Errorf("got %d files, want one at most", flags.NArg()))
	}
	o.file, o.discover = flags.Arg(0), o.issuer != ""
	o.audience, o.algorithms = split(audience), split(algorithms)
	var ok bool
	if o.profile, ok = profiles[strings.ToLower(profile)]; !ok {
		errs = append(errs, fmt.Errorf("-profile %q: want one of %s", profile, names))
	}
	o.rule = parseRule(rule)
	if err := o.rule.Err(); err != nil {
		errs = append(errs, fmt.Errorf("-rule %q: %w", rule, err))
	}
	return o, errors.Join(errs...)
}

// split returns nil for an empty list.
func split(list string) []string {
	if list == "" {
		return nil
	}
	return slices.DeleteFunc(strings.Split(list, ","), func(s string) bool { return s == "" })
}

// parseRule reads scopes with "and" and "or" between them; "and" binds more
// closely, as in Go.
func parseRule(text string) scopes.Rule {
	var alternatives []scopes.Rule
	var names []string
	for word := range strings.FieldsSeq(text) {
		switch strings.ToLower(word) {
		case "and":
		case "or":
			alternatives = append(alternatives, scopes.All(names...))
			names = nil
		default:
			names = append(names, word)
		}
	}
	alternatives = append(alternatives, scopes.All(names...))
	if len(alternatives) == 1 {
		return alternatives[0]
	}
	return scopes.Or(alternatives...)
}

// complete takes what the command line does not say from the token, so that the
// rest of the checks can be made, and returns a note on each.
func (o *options) complete(token string) (notes []string) {
	var claims struct {
		Issuer   string `json:"iss"`
		Audience any    `json:"aud"`
	}
	if parts := strings.Split(token, "."); len(parts) == 3 {
		if payload, err := base64.RawURLEncoding.DecodeString(parts[1]); err == nil {
			_ = json.Unmarshal(payload, &claims) // the explanation says what is wrong with it
		}
	}
	if o.issuer == "" {
		notes = append(notes, "without -issuer any issuer is taken for the right one")
		if o.issuer = claims.Issuer; o.issuer == "" {
			o.issuer = "(none)"
		}
	}
	if len(o.audience) == 0 {
		notes = append(notes, "without -audience any audience is taken for the right one")
		switch aud := claims.Audience.(type) {
		case string:
			o.audience = []string{aud}
		case []any:
			for _, name := range aud {
				if text, ok := name.(string); ok {
					o.audience = append(o.audience, text)
				}
			}
		}
		if o.audience = slices.DeleteFunc(o.audience, func(s string) bool { return s == "" }); len(o.audience) == 0 {
			o.audience = []string{"(none)"}
		}
	}
	if o.keys == "" && !o.discover {
		notes = append(notes, "without -keys or -issuer there are no keys to check the signature with")
	}
	return notes
}
