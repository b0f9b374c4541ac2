package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/internal/buildinfo"
	"github.com/bearerkit/bearer/internal/terminal"
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

// usage is the beginning of the text that -h prints. The list of flags follows.
const usage = `usage: bearer-explain [flags] [file]

The program checks a token as a guard of package bearer does, and shows the
result of each check. It reads the token from the file, or from standard input:

  bearer-explain -issuer https://acme.scalekit.dev \
    -audience deployment-api -profile scalekit < token

The exit status is 0 for an accepted token and 1 for a refused token. It is 2
if the program did not check the token.

The output fits the terminal, or 100 columns. The variable COLUMNS sets a
different width. The variable NO_COLOR with any value switches the colors off.

`

// parseOptions parses the command line. For -h and -version, parseOptions prints a text to stdout
// and returns no options.
func parseOptions(args []string, stdout io.Writer) (*options, error) {
	o := &options{}
	var version bool
	var audience, tenants, algorithms, profile, rule string
	flags := flag.NewFlagSet("bearer-explain", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the program prints an error once, and without the list of flags
	flags.StringVar(&o.issuer, "issuer", "", "the expected `issuer`; without -keys, the program discovers the keys of this issuer")
	flags.StringVar(&o.keys, "keys", "", "a `file` with the issuer's JWK set, or the URL of the issuer's JWK set")
	flags.StringVar(&audience, "audience", "", "the expected audience, or a `list` of audiences separated by commas; the token must have at least one of these audiences")
	flags.StringVar(&tenants, "tenants", "", "a `list` of the accepted customers of an issuer that many customers share, separated by commas, for example repository_owner_id=65; if empty, every customer is accepted")
	flags.StringVar(&algorithms, "algorithms", "", "a `list` of the accepted algorithms, separated by commas; if empty, the default algorithms of package bearer are accepted")
	flags.StringVar(&profile, "profile", "rfc9068", "the `name` of the profile of the issuer's tokens, such as auth0, keycloak or entra-v2; the error for an unknown name lists all profiles")
	flags.StringVar(&rule, "rule", "", "the rule of the route; a rule combines scopes with the words \"and\" and \"or\"; if empty, any valid token is accepted")
	flags.BoolVar(&o.json, "json", false, "print the explanation as JSON")
	flags.BoolVar(&version, "version", false, "print the version of the program")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		_, err = io.WriteString(stdout, usage)
		return nil, errors.Join(err, terminal.Of(stdout, os.Getenv).PrintFlags(stdout, flags))
	} else if err != nil {
		return nil, fmt.Errorf("%w; bearer-explain -h lists the flags", err)
	}
	if version {
		_, err := fmt.Fprintln(stdout, buildinfo.Version("bearer-explain"))
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
	if err := rule.Err(); err != nil {
		// The user declared the rule with the flag, and not at a line of the source.
		return rule, errors.New(regexp.MustCompile(`(?m) \(declared at .*\)$`).ReplaceAllString(err.Error(), ""))
	}
	return rule, nil
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
