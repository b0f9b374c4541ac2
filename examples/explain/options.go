package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
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

// parse reads the command line.
func parse(args []string, stderr io.Writer) (*options, error) {
	o := &options{}
	var audience, algorithms, profile, rule string
	flags := flag.NewFlagSet("explain", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.issuer, "issuer", "", "the configured issuer, and where its keys are found without -keys")
	flags.StringVar(&o.keys, "keys", "", "a `file` with the issuer's JWK set, or its URL")
	flags.StringVar(&audience, "audience", "", "the configured audience, or several with commas between them")
	flags.StringVar(&algorithms, "algorithms", "", "the accepted algorithms with commas between them; empty: the defaults")
	flags.StringVar(&profile, "profile", "rfc9068", "the form of the issuer's tokens, such as auth0, keycloak or entra-v2; an unknown `name` lists all")
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
	var err error
	if o.profile, err = bearer.ProfileByName(profile); err != nil {
		errs = append(errs, fmt.Errorf("-profile: %w", err))
	}
	if o.rule, err = parseRule(rule); err != nil {
		errs = append(errs, fmt.Errorf("-rule %q: %w", rule, err))
	}
	return o, errors.Join(errs...)
}

// split returns nil for an empty list.
func split(list string) []string {
	var elements []string
	for element := range strings.SplitSeq(list, ",") {
		if element = strings.TrimSpace(element); element != "" {
			elements = append(elements, element)
		}
	}
	return elements
}

// parseRule reads scopes with "and" and "or" between them; "and" binds more
// closely, as in Go. An operator with nothing beside it is an error: half of a rule
// would be one that asks for less.
func parseRule(text string) (scopes.Rule, error) {
	var alternatives []scopes.Rule
	var names []string
	after := "" // the operator that waits for its other side
	for word := range strings.FieldsSeq(text) {
		operator := strings.ToLower(word)
		if operator != "and" && operator != "or" {
			names, after = append(names, word), ""
			continue
		}
		if len(names) == 0 || after != "" {
			return scopes.Rule{}, fmt.Errorf("there is no scope in front of %q", word)
		}
		if after = word; operator == "or" {
			alternatives = append(alternatives, scopes.All(names...))
			names = nil
		}
	}
	if after != "" {
		return scopes.Rule{}, fmt.Errorf("there is no scope behind %q", after)
	}
	rule := scopes.All(names...)
	if len(alternatives) > 0 {
		rule = scopes.Or(append(alternatives, rule)...)
	}
	return rule, rule.Err()
}

// complete takes what the command line does not say from the token, so that the
// rest of the checks can be made, and returns a note on each.
func (o *options) complete(token string) (notes []string) {
	var claims map[string]any
	if parts := strings.Split(token, "."); len(parts) == 3 {
		if payload, err := base64.RawURLEncoding.DecodeString(parts[1]); err == nil {
			_ = json.Unmarshal(payload, &claims) // the explanation says what is wrong with it
		}
	}
	if o.issuer == "" {
		notes = append(notes, "without -issuer any issuer is taken for the right one")
		if o.issuer, _ = claims["iss"].(string); o.issuer == "" {
			o.issuer = "(none)"
		}
	}
	if len(o.audience) == 0 {
		notes = append(notes, "without -audience any audience is taken for the right one")
		names := o.profile.Audience
		if names == nil {
			names = []string{"aud"}
		}
		for _, name := range names {
			if o.audience = texts(claims[name]); len(o.audience) > 0 {
				break
			}
		}
		if len(o.audience) == 0 {
			o.audience = []string{"(none)"}
		}
	}
	if o.keys == "" && !o.discover {
		notes = append(notes, "without -keys or -issuer there are no keys to check the signature with")
	}
	return notes
}

// texts returns the strings that are value or in it, but for empty ones.
func texts(value any) (found []string) {
	values, ok := value.([]any)
	if !ok {
		values = []any{value}
	}
	for _, v := range values {
		if text, ok := v.(string); ok && text != "" {
			found = append(found, text)
		}
	}
	return found
}
