// Package conformance holds the module against its own vectors (testdata/vectors)
// and against the rules of the RFCs, through every door at once: the verifier, the
// HTTP guard and the gRPC guard. What is not a test here reads the vectors for the
// tests of other packages.
package conformance

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/bearerkit/bearer"
	"github.com/bearerkit/bearer/jwks"
)

// Clock is the time that the vectors are written for. It is when the clock of a
// testing/synctest bubble starts.
var Clock = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// Vector is one row: what is sent, and what must come of it.
type Vector struct {
	// Name is unique: the class and what is special about the row.
	Name string `json:"name"`
	// Rules is the ids of the rules (see Rules) that the row shows.
	Rules []string `json:"rules"`
	// Source is where the case is from: an RFC's section, a CVE, a measurement.
	Source string `json:"source"`
	// Verifier is the name of its configuration; empty: "rfc9068".
	Verifier string `json:"verifier,omitempty"`
	// Token is sent as "Bearer " and the token. Each character is one byte (ISO
	// 8859-1), so that any bytes can be written.
	Token string `json:"token,omitempty"`
	// Append is put behind Token that many times.
	Append *Repeat `json:"append,omitempty"`
	// Authorization is sent instead of Token: the values of all Authorization
	// fields, written like Token. An empty list is a request without one.
	Authorization *[]string `json:"authorization,omitzero"`
	// Scope is what the route asks for; empty: any good token will do.
	Scope string `json:"scope,omitempty"`
	// Verify is the verifier's own verdict where it is not Reason: "accepted"
	// where only the scope is missing, another reason where the guards refuse
	// the credentials before the verifier sees them.
	Verify string `json:"verify,omitempty"`
	// Reason is the verdict; empty: accepted.
	Reason bearer.Reason `json:"reason"`
	// HTTP is the status.
	HTTP int `json:"http"`
	// GRPC is the name of the code.
	GRPC string `json:"grpc"`
}

// Repeat is text that is too long to be written out.
type Repeat struct {
	// Text is what comes again and again.
	Text string `json:"text"`
	// Times is how often.
	Times int `json:"times"`
}

// Text returns the token as it is sent.
func (v *Vector) Text() string {
	text := v.Token
	if v.Append != nil {
		text += strings.Repeat(v.Append.Text, v.Append.Times)
	}
	return latin1(text)
}

// Values returns the values of all Authorization fields as they are sent.
func (v *Vector) Values() []string {
	if v.Authorization == nil {
		return []string{"Bearer " + v.Text()}
	}
	values := make([]string, len(*v.Authorization))
	for i, value := range *v.Authorization {
		values[i] = latin1(value)
	}
	return values
}

// VerifyReason returns the verdict of the verifier alone.
func (v *Vector) VerifyReason() bearer.Reason {
	switch v.Verify {
	case "":
		return v.Reason
	case "accepted":
		return ""
	}
	return bearer.Reason(v.Verify)
}

// latin1 turns each character into one byte.
func latin1(s string) string {
	b := make([]byte, 0, len(s))
	for _, c := range s {
		b = append(b, byte(c)) //nolint:gosec // no character is over 255
	}
	return string(b)
}

// Settings is the configuration of a verifier, as data.
type Settings struct {
	// Issuer is a member of bearer.Config, as the next four.
	Issuer string `json:"issuer"`
	// Audience is one as well.
	Audience []string `json:"audience"`
	// Algorithms is one as well.
	Algorithms []string `json:"algorithms,omitempty"`
	// MaxLifetime is in seconds here.
	MaxLifetime int `json:"max_lifetime,omitempty"`
	// MaxAge is in seconds here.
	MaxAge int `json:"max_age,omitempty"`
	// Profile is "Scalekit", or empty: then the next three are its members.
	Profile string `json:"profile,omitempty"`
	// Scopes is a member of bearer.Profile.
	Scopes []string `json:"scopes,omitempty"`
	// Inert is bearer.Profile.InertConfirmation.
	Inert []string `json:"inert_confirmation,omitempty"`
	// Types is a member of bearer.Profile.
	Types []string `json:"types,omitempty"`
	// Keys is a JWK Set.
	Keys jsontext.Value `json:"keys"`
	// Beside is the names of the settings of other issuers.
	Beside []string `json:"beside,omitempty"`

	once   sync.Once // guards the next two
	parsed *jwks.Set
	err    error
}

// Config returns the settings as a configuration.
func (s *Settings) Config() (bearer.Config, error) {
	s.once.Do(func() { s.parsed, s.err = jwks.Parse(s.Keys) })
	if s.err != nil {
		return bearer.Config{}, s.err
	}
	cfg := bearer.Config{
		Issuer: s.Issuer, Audience: s.Audience, Algorithms: s.Algorithms, Keys: s.parsed,
		MaxLifetime: time.Duration(s.MaxLifetime) * time.Second, MaxAge: time.Duration(s.MaxAge) * time.Second,
	}
	switch s.Profile {
	case "":
		cfg.Profile = bearer.Profile{Scopes: s.Scopes, InertConfirmation: s.Inert, Types: s.Types}
	case "Scalekit":
		cfg.Profile = bearer.Scalekit
	default:
		return bearer.Config{}, fmt.Errorf("no profile %q", s.Profile)
	}
	return cfg, nil
}

// Vectors is all rows, and what they are for.
type Vectors struct {
	// Rows is all of them, in the order of the files.
	Rows []*Vector
	// Verifiers is the settings by their names.
	Verifiers map[string]*Settings
}

// Load reads the vectors below the folder testdata/vectors.
func Load(dir string) (*Vectors, error) {
	v := &Vectors{}
	if err := read(filepath.Join(dir, "verifiers.json"), &v.Verifiers); err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(dir, "rows", "*.json"))
	if err != nil {
		return nil, err
	}
	seen := make(map[string]bool)
	for _, file := range files {
		var rows []*Vector
		if err := read(file, &rows); err != nil {
			return nil, err
		}
		for _, row := range rows {
			if row.Verifier == "" {
				row.Verifier = "rfc9068"
			}
			if seen[row.Name] || v.Verifiers[row.Verifier] == nil {
				return nil, fmt.Errorf("%s: row %q comes twice, or there is no verifier %q", file, row.Name, row.Verifier)
			}
			seen[row.Name] = true
		}
		v.Rows = append(v.Rows, rows...)
	}
	if len(v.Rows) == 0 {
		return nil, errors.New("no vectors in " + dir)
	}
	return v, nil
}

func read(file string, to any) error {
	data, err := os.ReadFile(file) //nolint:gosec // a file of the tree that the test names
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, to, json.RejectUnknownMembers(true)); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

// Verifier makes the verifier of a configuration. Those that are several issuers
// are a [bearer.Issuers].
func (v *Vectors) Verifier(name string) (bearer.Verifier, error) {
	settings := v.Verifiers[name]
	cfg, err := settings.Config()
	if err != nil {
		return nil, fmt.Errorf("verifier %q: %w", name, err)
	}
	if len(settings.Beside) == 0 {
		return bearer.New(cfg)
	}
	several := new(bearer.Issuers)
	if err := several.Add(cfg); err != nil {
		return nil, fmt.Errorf("verifier %q: %w", name, err)
	}
	for _, other := range settings.Beside {
		if cfg, err = v.Verifiers[other].Config(); err != nil {
			return nil, fmt.Errorf("verifier %q: %w", other, err)
		}
		if err := several.Add(cfg); err != nil {
			return nil, fmt.Errorf("verifier %q: %w", other, err)
		}
	}
	return several, nil
}
