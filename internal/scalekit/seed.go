package scalekit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"go.yaml.in/yaml/v3"

	"github.com/bearerkit/bearer/internal/strictjson"
)

const minSeedSecretLength = 8

// seed is the initial state of a new environment.
type seed struct {
	clientID, clientSecret string // credentials of the environment's own client; generated if empty
	organizations          []seedOrganization
}

type seedOrganization struct {
	profile

	id      string // generated if empty
	clients []seedClient
}

type seedClient struct {
	settings

	id, secret string // generated if empty
}

// parseSeed parses a seed in JSON or YAML. The error lists all problems of the seed.
func parseSeed(data []byte) (seed, error) {
	document, err := seedJSON(data)
	if err != nil {
		return seed{}, err
	}
	var (
		s seed
		v violations
	)
	if err := (seedReader{jsonReader{&v}}).readSeed(document, "", &s); err != nil {
		return seed{}, err
	}
	s.check(&v)
	var problems []error
	for _, one := range v.found {
		problems = append(problems, fmt.Errorf("%s %s", one.Field, one.Description))
	}
	return s, errors.Join(problems...)
}

// seedJSON converts YAML to JSON. If data is JSON, seedJSON returns data unchanged. JSON is
// not decoded as YAML, because some JSON is invalid as YAML, and because the JSON parser is
// stricter than the YAML parser.
func seedJSON(data []byte) ([]byte, error) {
	if strings.HasPrefix(strings.TrimSpace(string(data)), "{") {
		return data, nil
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var content any
	if err := decoder.Decode(&content); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	var more any
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, errors.New("got more than one YAML document, want exactly one")
	}
	document, err := json.Marshal(content)
	if err != nil || content == nil {
		return nil, errors.New("the YAML document is not a mapping with strings as keys")
	}
	return document, nil
}

// seedReader reads a seed by the rules for request bodies. There is one exception:
// seedReader refuses unknown members, because an unknown member in a file is probably a
// typing mistake.
type seedReader struct {
	jsonReader
}

func (r seedReader) readSeed(data []byte, prefix string, s *seed) error {
	return r.readStrictDocument(data, prefix, fields{
		"client_id":     func(field string, value rawJSON) { s.clientID = r.text(field, value) },
		"client_secret": func(field string, value rawJSON) { s.clientSecret = r.text(field, value) },
		"organizations": func(field string, value rawJSON) {
			for n, element := range r.array(field, value) {
				s.organizations = append(s.organizations, r.organization(fmt.Sprintf("%s[%d]", field, n), element))
			}
		},
	})
}

func (r seedReader) organization(field string, value rawJSON) seedOrganization {
	var o seedOrganization
	known := r.profileFields(&o.profile)
	known["id"] = func(field string, value rawJSON) { o.id = r.text(field, value) }
	known["clients"] = func(field string, value rawJSON) {
		for n, element := range r.array(field, value) {
			o.clients = append(o.clients, r.client(fmt.Sprintf("%s[%d]", field, n), element))
		}
	}
	r.readStrictObject(field, value, known)
	return o
}

func (r seedReader) client(field string, value rawJSON) seedClient {
	var c seedClient
	known := r.settingsFields(&c.settings)
	known["client_id"] = func(field string, value rawJSON) { c.id = r.text(field, value) }
	known["client_secret"] = func(field string, value rawJSON) { c.secret = r.text(field, value) }
	asArray := known["custom_claims"]
	known["custom_claims"] = func(field string, value rawJSON) {
		if value.Kind() != '{' { // a request must have an array, but a seed may have an object instead, which is shorter
			asArray(field, value)
			return
		}
		object, err := strictjson.Parse(value)
		if err != nil {
			r.addViolation(field, "must be an object with string values", "json.type")
		}
		for _, member := range object {
			c.customClaims = append(c.customClaims, customClaim{member.Name, r.text(fmt.Sprintf("%s[%q]", field, member.Name), member.Value)})
		}
	}
	r.readStrictObject(field, value, known)
	return c
}

func (r seedReader) readStrictObject(field string, value rawJSON, known fields) {
	if err := r.readStrictDocument(value, field+".", known); err != nil {
		r.addViolation(field, "must be an object", "json.type")
	}
}

// readStrictDocument reads data with readDocument. In addition, it refuses unknown members.
func (r seedReader) readStrictDocument(data []byte, prefix string, known fields) error {
	object, err := strictjson.Parse(data)
	if err != nil {
		return err
	}
	for _, member := range object {
		if known[snakeCase(member.Name)] == nil {
			r.addViolation(prefix+member.Name, "is an unknown member", "json.unknown")
		}
	}
	return r.readDocument(data, prefix, known)
}

// check validates the seed.
func (s seed) check(v *violations) {
	ids := make(map[string]bool)
	id := func(field, id, prefix string) {
		if id == "" {
			return
		}
		v.checkID(field, id, prefix)
		if ids[id] {
			v.addViolation(field, "must not be repeated", "repeated.unique")
		}
		ids[id] = true
	}
	id("client_id", s.clientID, "skc_")
	checkSeedSecret(v, "client_secret", s.clientSecret)
	unique := make(map[string]bool)
	for n, o := range s.organizations {
		field := fmt.Sprintf("organizations[%d]", n)
		id(field+".id", o.id, "org_")
		var own violations
		o.checkNew(&own)
		for _, one := range own.found {
			v.addViolation(field+strings.TrimPrefix(one.Field, "organization"), one.Description, one.Constraint)
		}
		for name, value := range map[string]*string{"external_id": o.externalID, "slug": o.slug} {
			if value != nil && unique[name+*value] {
				v.addViolation(field+"."+name, "must not be repeated", "repeated.unique")
			} else if value != nil {
				unique[name+*value] = true
			}
		}
		for m, c := range o.clients {
			field := fmt.Sprintf("%s.clients[%d]", field, m)
			id(field+".client_id", c.id, "m2morg_")
			checkSeedSecret(v, field+".client_secret", c.secret)
			c.check(v, field+".")
		}
	}
}

func checkSeedSecret(v *violations, field, secret string) {
	if secret != "" && len(secret) < minSeedSecretLength {
		v.addViolation(field, fmt.Sprintf("must have at least %d characters", minSeedSecretLength), "string.min_len")
	}
}

// applySeed creates the initial state from the seed, in one change.
func (env *Environment) applySeed(s seed) (Credentials, error) {
	var credentials Credentials
	err := env.store.update(func(c *change) error {
		now := time.Now().UTC()
		own := settings{scopes: []string{"openid"}, expiry: int64(environmentLifetime / time.Second)}
		credentials.ClientID, credentials.ClientSecret = c.putSeedClient(seedClient{own, s.clientID, s.clientSecret}, "skc_", "", now)
		for n, o := range s.organizations {
			made := organization{
				id: o.id, sequence: c.nextPosition(), created: now.Truncate(time.Millisecond), updated: now,
				profile: profile{region: max(o.region, 1)}.updatedWith(o.profile),
			}
			if made.id == "" {
				made.id = c.ids.nextID("org_")
			}
			c.putOrganization(made)
			if n == 0 {
				credentials.OrganizationID = made.id
			}
			for _, client := range o.clients {
				id, plain := c.putSeedClient(client, "m2morg_", made.id, now)
				made := ClientCredentials{ID: id, Name: client.name, Secret: plain, Scopes: client.scopes, Audience: client.audience}
				if credentials.First == nil {
					credentials.First = &made
				}
				if client.secret == "" {
					credentials.Clients = append(credentials.Clients, made)
				}
			}
		}
		return nil
	})
	return credentials, err
}

// putSeedClient stores a client of the seed. It returns the credentials of the client.
func (c *change) putSeedClient(from seedClient, prefix, organizationID string, now time.Time) (id, plain string) {
	kept, plain := newSecret(c.ids.nextID("sks_"), now)
	if from.secret != "" {
		plain = from.secret
		kept = kept.withPlain(plain)
	}
	made := client{
		id: from.id, organizationID: organizationID, sequence: c.nextPosition(), settings: from.normalized(),
		secrets: []secret{kept}, created: now.Truncate(time.Millisecond), updated: now,
	}
	if made.id == "" {
		made.id = c.ids.nextID(prefix)
	}
	if made.expiry == 0 {
		made.expiry = defaultExpiry
	}
	c.putClient(made)
	return made.id, plain
}
