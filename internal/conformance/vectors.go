// Package conformance tests the module with the vectors in testdata/vectors and with the
// rules of the RFCs. It sends each vector to the verifier, to the HTTP guard and to the gRPC
// guard. Load reads the vectors. Tests of other packages also use Load.
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

// Clock is the time at which the verdicts of the vectors are valid. It is the start time of a
// testing/synctest bubble.
var Clock = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// Vector is one row of the files in testdata/vectors/rows. It contains the credentials of a
// request and the wanted verdict.
type Vector struct {
	// Name is the unique name of the row. It consists of the class, a slash and the
	// special case.
	Name string `json:"name"`
	// Rules are the IDs of the rules (see internal/checklist) that the row tests.
	Rules []string `json:"rules"`
	// Source is the origin of the case, such as a section of an RFC or a CVE.
	Source string `json:"source"`
	// Verifier is the name of the verifier's Settings. If Verifier is empty, the name
	// is "rfc9068".
	Verifier string `json:"verifier,omitempty"`
	// Token is sent after "Bearer ". Each character stands for one byte (ISO
	// 8859-1), so that rows can contain any bytes.
	Token string `json:"token,omitempty"`
	// Append is text that is sent after Token. The text is repeated.
	Append *Repeat `json:"append,omitempty"`
	// Authorization contains the values of all Authorization fields. If it is not nil, Token
	// is not sent. Each character of a value stands for one byte. An empty list means a
	// request without an Authorization field.
	Authorization *[]string `json:"authorization,omitzero"`
	// Scope contains the scopes that the route requires, in the form of a "scope" parameter. If
	// the Reason is "scope", the challenge names exactly these scopes, in the same order. If
	// Scope is empty, the route requires no scope.
	Scope string `json:"scope,omitempty"`
	// Alternatives has the alternatives of the route instead of a scope. Each is a list of scopes
	// like Scope. If Alternatives is empty, the route has no alternatives.
	Alternatives []string `json:"alternatives,omitempty"`
	// Challenge has the scopes that the challenge names, in the form of a "scope" parameter. If
	// Challenge is empty, the challenge names Scope.
	Challenge string `json:"challenge,omitempty"`
	// Missing has the scopes of the challenge that the token does not grant, in the same form. The
	// metadata missing_scope of the google.rpc.ErrorInfo detail names exactly these. If Missing is
	// empty, the row does not say which scopes are missing.
	Missing string `json:"missing,omitempty"`
	// Includes is NAME=VALUE: the route requires that the claim NAME includes the string VALUE,
	// instead of a scope. If Includes is empty, the route requires no claim.
	Includes string `json:"includes,omitempty"`
	// Role is the role that the route requires instead of a scope. If Role is empty, the route
	// requires no role.
	Role string `json:"role,omitempty"`
	// Verify is the verdict of the verifier without a guard. If Verify is empty, Reason is
	// also the verdict of the verifier. If only the scope is missing, Verify is "accepted". If
	// the guards refuse the credentials before they call the verifier, Verify can differ from
	// Reason.
	Verify string `json:"verify,omitempty"`
	// Reason is the verdict of the guards. It is empty if the request is allowed.
	Reason bearer.Reason `json:"reason"`
	// Told is the reason that the client learns, if it differs from Reason. It is
	// "invalid_token" if the signature of the token was not verified.
	Told string `json:"told,omitempty"`
	// HTTP is the status of the HTTP response.
	HTTP int `json:"http"`
	// GRPC is the name of the gRPC status code.
	GRPC string `json:"grpc"`
}

// Repeat is a text that is sent several times. Vectors with long tokens use it.
type Repeat struct {
	// Text is the text to repeat.
	Text string `json:"text"`
	// Times is the number of repetitions.
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

// VerifyReason returns the verdict of the verifier without a guard.
func (v *Vector) VerifyReason() bearer.Reason {
	switch v.Verify {
	case "":
		return v.Reason
	case "accepted":
		return ""
	}
	return bearer.Reason(v.Verify)
}

// ToldReason returns the reason that the client learns.
func (v *Vector) ToldReason() string {
	if v.Told != "" {
		return v.Told
	}
	return string(v.Reason)
}

// latin1 converts each character to one byte (ISO 8859-1).
func latin1(s string) string {
	b := make([]byte, 0, len(s))
	for _, c := range s {
		b = append(b, byte(c)) //nolint:gosec // vectors contain no character above U+00FF
	}
	return string(b)
}

// Settings is the configuration of a verifier in JSON.
type Settings struct {
	// Issuer is bearer.Config.Issuer.
	Issuer string `json:"issuer"`
	// Audience is bearer.Config.Audience.
	Audience []string `json:"audience"`
	// Algorithms is bearer.Config.Algorithms.
	Algorithms []string `json:"algorithms,omitempty"`
	// Leeway is bearer.Config.Leeway in seconds.
	Leeway int `json:"leeway,omitempty"`
	// MaxLifetime is bearer.Config.MaxLifetime in seconds.
	MaxLifetime int `json:"max_lifetime,omitempty"`
	// MaxAge is bearer.Config.MaxAge in seconds.
	MaxAge int `json:"max_age,omitempty"`
	// Profile is the name of a profile, such as "Scalekit", or empty. If it is empty, Scopes, Roles, WildcardScopes,
	// InertConfirmation, Types and TenantClaims make up the profile.
	Profile string `json:"profile,omitempty"`
	// Scopes is bearer.Profile.Scopes.
	Scopes []string `json:"scopes,omitempty"`
	// WildcardScopes is bearer.Profile.WildcardScopes.
	WildcardScopes bool `json:"wildcard_scopes,omitempty"`
	// Hierarchy is bearer.Config.Hierarchy.
	Hierarchy map[string][]string `json:"hierarchy,omitempty"`
	// Roles is bearer.Profile.Roles.
	Roles []string `json:"roles,omitempty"`
	// InertConfirmation is bearer.Profile.InertConfirmation.
	InertConfirmation []string `json:"inert_confirmation,omitempty"`
	// Types is bearer.Profile.Types.
	Types []string `json:"types,omitempty"`
	// TenantClaims is bearer.Profile.TenantClaims.
	TenantClaims map[string]string `json:"tenant_claims,omitempty"`
	// Tenants is bearer.Config.Tenants.
	Tenants []string `json:"tenants,omitempty"`
	// Keys is a JWK Set.
	Keys jsontext.Value `json:"keys"`
	// OtherIssuers lists names of other Settings. If it is not empty, the verifier is a
	// bearer.Issuers with this issuer and the issuers of the other Settings.
	OtherIssuers []string `json:"other_issuers,omitempty"`

	once   sync.Once // guards parsed and err
	parsed *jwks.Set
	err    error
}

// Config returns s as a bearer.Config.
func (s *Settings) Config() (bearer.Config, error) {
	s.once.Do(func() { s.parsed, s.err = jwks.Parse(s.Keys) })
	if s.err != nil {
		return bearer.Config{}, s.err
	}
	cfg := bearer.Config{
		Issuer: s.Issuer, Audience: s.Audience, Algorithms: s.Algorithms, Keys: s.parsed, Tenants: s.Tenants,
		MaxLifetime: time.Duration(s.MaxLifetime) * time.Second, MaxAge: time.Duration(s.MaxAge) * time.Second,
		Leeway: time.Duration(s.Leeway) * time.Second, Hierarchy: s.Hierarchy,
	}
	if s.Profile == "" {
		cfg.Profile = bearer.Profile{Scopes: s.Scopes, WildcardScopes: s.WildcardScopes, Roles: s.Roles, InertConfirmation: s.InertConfirmation, Types: s.Types, TenantClaims: s.TenantClaims}
		return cfg, nil
	}
	var err error
	if cfg.Profile, err = bearer.ProfileByName(s.Profile); err != nil {
		return bearer.Config{}, err
	}
	return cfg, nil
}

// Vectors holds all rows and the settings of their verifiers.
type Vectors struct {
	// Rows holds all vectors, in the order of the files.
	Rows []*Vector
	// Verifiers holds the settings by name.
	Verifiers map[string]*Settings
}

// Load reads the vectors from dir, the path of testdata/vectors.
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
			if seen[row.Name] {
				return nil, fmt.Errorf("%s: two rows have the name %q, want unique names", file, row.Name)
			}
			if v.Verifiers[row.Verifier] == nil {
				return nil, fmt.Errorf("%s: row %q: there is no verifier %q in verifiers.json", file, row.Name, row.Verifier)
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
	data, err := os.ReadFile(file) //nolint:gosec // The test names a file of the repository.
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, to, json.RejectUnknownMembers(true)); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

// Verifier returns a new verifier with the settings of this name. If the settings have
// OtherIssuers, the verifier is a [bearer.Issuers].
func (v *Vectors) Verifier(name string) (bearer.Verifier, error) {
	settings := v.Verifiers[name]
	cfg, err := settings.Config()
	if err != nil {
		return nil, fmt.Errorf("verifier %q: %w", name, err)
	}
	if len(settings.OtherIssuers) == 0 {
		return bearer.New(cfg)
	}
	several := new(bearer.Issuers)
	if err := several.Add(cfg); err != nil {
		return nil, fmt.Errorf("verifier %q: %w", name, err)
	}
	for _, other := range settings.OtherIssuers {
		if cfg, err = v.Verifiers[other].Config(); err != nil {
			return nil, fmt.Errorf("verifier %q: %w", other, err)
		}
		if err := several.Add(cfg); err != nil {
			return nil, fmt.Errorf("verifier %q: %w", other, err)
		}
	}
	return several, nil
}
