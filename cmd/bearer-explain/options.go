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

// options are the flags and the argument of the command line.
type options struct {
	issuer     string
	discover   bool // the user set -issuer
	keys       string
	audience   []string
	tenants    []string
	algorithms []string
	profile    bearer.Profile
	rule       scopes.Rule
	json       bool
	file       string
}

// parseOptions parses the command line.
func parseOptions(args []string, stderr io.Writer) (*options, error) {
	o := &options{}
	var audience, tenants, algorithms, profile, rule string
	flags := flag.NewFlagSet("bearer-explain", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.issuer, "issuer", "", "the expected issuer; without -keys, the program discovers the keys of this issuer")
	flags.StringVar(&o.keys, "keys", "", "a `file` with the issuer's JWK set, or the URL of the issuer's JWK set")
	flags.StringVar(&audience, "audience", "", "the expected audience, or a list of audiences separated by commas; the token must have at least one of these audiences")
	flags.StringVar(&tenants, "tenants", "", "the accepted customers of an issuer that many customers share, separated by commas, for example repository_owner_id=65; if empty, every customer is accepted")
	flags.StringVar(&algorithms, "algorithms", "", "the accepted algorithms, separated by commas; if empty, the default algorithms of package bearer are accepted")
	flags.StringVar(&profile, "profile", "rfc9068", "the `name` of the profile of the issuer's tokens, such as auth0, keycloak or entra-v2; the error for an unknown name lists all profiles")
	flags.StringVar(&rule, "rule", "", "the rule of the route; a rule combines scopes with the words \"and\" and \"or\"; if empty, any valid token is accepted")
	flags.BoolVar(&o.json, "json", false, "print the explanation as JSON")
	flags.Usage = func() {
		_, _ = fmt.Fprint(stderr, "usage: bearer-explain [flags] [file]\n\nThe token is read from the file, or from standard input.\n\n")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	var errs []error
	if flags.NArg() > 1 {
		errs = append(errs, fmt.Errorf("got %d files, want at most one", flags.NArg()))
	}
	o.file, o.discover = flags.Arg(0), o.issuer != ""
	o.audience, o.tenants, o.algorithms = splitList(audience), splitList(tenants), splitList(algorithms)
	var err error
	if o.profile, err = bearer.ProfileByName(profile); err != nil {
		errs = append(errs, fmt.Errorf("-profile: %w", err))
	}
	if o.rule, err = parseRule(rule); err != nil {
		errs = append(errs, fmt.Errorf("-rule %q: %w", rule, err))
	}
	return o, errors.Join(errs...)
}

// splitList returns the elements of a list. Commas separate the elements. Empty elements
// are ignored.
func splitList(list string) []string {
	var elements []string
	for element := range strings.SplitSeq(list, ",") {
		if element = strings.TrimSpace(element); element != "" {
			elements = append(elements, element)
		}
	}
	return elements
}

// parseRule parses a rule. The operators "and" and "or" combine scopes. The operator "and"
// has the higher precedence. Each operator must have a scope on both sides. Without this
// check, an incomplete rule can become a weaker rule.
func parseRule(text string) (scopes.Rule, error) {
	var alternatives []scopes.Rule
	var names []string
	pending := "" // the operator that needs a scope on its right side
	for word := range strings.FieldsSeq(text) {
		operator := strings.ToLower(word)
		if operator != "and" && operator != "or" {
			names, pending = append(names, word), ""
			continue
		}
		if len(names) == 0 || pending != "" {
			return scopes.Rule{}, fmt.Errorf("no scope before %q", word)
		}
		if pending = word; operator == "or" {
			alternatives = append(alternatives, scopes.All(names...))
			names = nil
		}
	}
	if pending != "" {
		return scopes.Rule{}, fmt.Errorf("no scope after %q", pending)
	}
	rule := scopes.All(names...)
	if len(alternatives) > 0 {
		rule = scopes.Or(append(alternatives, rule)...)
	}
	return rule, rule.Err()
}

// fillFromToken sets a missing issuer and a missing audience to the values in the token, so
// that the verifier can make the other checks. It returns a note for each missing option.
func (o *options) fillFromToken(token string) (notes []string) {
	var claims map[string]any
	if parts := strings.Split(token, "."); len(parts) == 3 {
		if payload, err := base64.RawURLEncoding.DecodeString(parts[1]); err == nil {
			_ = json.Unmarshal(payload, &claims) // the explanation reports malformed claims
		}
	}
	if o.issuer == "" {
		notes = append(notes, "without -issuer, every issuer is accepted")
		if o.issuer, _ = claims["iss"].(string); o.issuer == "" {
			o.issuer = "(none)"
		}
	}
	if len(o.audience) == 0 {
		notes = append(notes, "without -audience, every audience is accepted")
		names := o.profile.Audience
		if names == nil {
			names = []string{"aud"}
		}
		for _, name := range names {
			if o.audience = stringsIn(claims[name]); len(o.audience) > 0 {
				break
			}
		}
		if len(o.audience) == 0 {
			o.audience = []string{"(none)"}
		}
	}
	if o.keys == "" && !o.discover {
		notes = append(notes, "without -keys and -issuer, the signature cannot be checked")
	}
	return notes
}

// stringsIn returns the strings in value. The value is a string or an array. Empty strings
// are omitted.
func stringsIn(value any) (found []string) {
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
