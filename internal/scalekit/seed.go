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

// seed is what a new environment begins with.
type seed struct {
	clientID, clientSecret string // of the environment's own client; empty: made up
	organizations          []seedOrganization
}

type seedOrganization struct {
	profile

	id      string // empty: made up
	clients []seedClient
}

type seedClient struct {
	settings

	id, secret string // empty: made up
}

// parseSeed reads a seed in JSON or YAML. The error names everything that is
// wrong with it.
func parseSeed(data []byte) (seed, error) {
	document, err := seedJSON(data)
	if err != nil {
		return seed{}, err
	}
	var (
		s seed
		v violations
	)
	if err := (seedReader{jsonReader{&v}}).document(document, "", &s); err != nil {
		return seed{}, err
	}
	s.check(&v)
	var problems []error
	for _, one := range v.found {
		problems = append(problems, fmt.Errorf("%s %s", one.Field, one.Description))
	}
	return s, errors.Join(problems...)
}

// seedJSON turns YAML into JSON, and leaves JSON as it is: most of it is YAML as
// well, but not all, and its own reader is the stricter one.
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
		return nil, errors.New("there is more than one YAML document in it")
	}
	document, err := json.Marshal(content)
	if err != nil || content == nil {
		return nil, errors.New("not a YAML mapping with text for names")
	}
	return document, nil
}

// seedReader reads a seed as a request body is read, but refuses members that it
// does not know: in a file they are typing mistakes.
type seedReader struct {
	jsonReader
}

func (r seedReader) document(data []byte, prefix string, s *seed) error {
	return r.known(data, prefix, fields{
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
	known := r.profile(&o.profile)
	known["id"] = func(field string, value rawJSON) { o.id = r.text(field, value) }
	known["clients"] = func(field string, value rawJSON) {
		for n, element := range r.array(field, value) {
			o.clients = append(o.clients, r.client(fmt.Sprintf("%s[%d]", field, n), element))
		}
	}
	r.member(field, value, known)
	return o
}

func (r seedReader) client(field string, value rawJSON) seedClient {
	var c seedClient
	known := r.settings(&c.settings)
	known["client_id"] = func(field string, value rawJSON) { c.id = r.text(field, value) }
	known["client_secret"] = func(field string, value rawJSON) { c.secret = r.text(field, value) }
	asArray := known["custom_claims"]
	known["custom_claims"] = func(field string, value rawJSON) {
		if value.Kind() != '{' { // people write a mapping
			asArray(field, value)
			return
		}
		object, err := strictjson.Parse(value)
		if err != nil {
			r.refuse(field, "must be an object of strings", "json.type")
		}
		for _, member := range object {
			c.customClaims = append(c.customClaims, customClaim{member.Name, r.text(fmt.Sprintf("%s[%q]", field, member.Name), member.Value)})
		}
	}
	r.member(field, value, known)
	return c
}

func (r seedReader) member(field string, value rawJSON, known fields) {
	if err := r.known(value, field+".", known); err != nil {
		r.refuse(field, "must be an object", "json.type")
	}
}

// known is document with an eye on members that are not known.
func (r seedReader) known(data []byte, prefix string, known fields) error {
	object, err := strictjson.Parse(data)
	if err != nil {
		return err
	}
	for _, member := range object {
		if known[snakeCase(member.Name)] == nil {
			r.refuse(prefix+member.Name, "is not known here", "json.unknown")
		}
	}
	return r.jsonReader.document(data, prefix, known)
}

// check notes what no environment can begin with.
func (s seed) check(v *violations) {
	ids := make(map[string]bool)
	id := func(field, id, prefix string) {
		if id == "" {
			return
		}
		v.id(field, id, prefix)
		if ids[id] {
			v.refuse(field, "must not come twice", "repeated.unique")
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
			v.refuse(field+strings.TrimPrefix(one.Field, "organization"), one.Description, one.Constraint)
		}
		for name, value := range map[string]*string{"external_id": o.externalID, "slug": o.slug} {
			if value != nil && unique[name+*value] {
				v.refuse(field+"."+name, "must not come twice", "repeated.unique")
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
		v.refuse(field, fmt.Sprintf("must have at least %d characters", minSeedSecretLength), "string.min_len")
	}
}

// plant makes what the seed says, as one change.
func (env *Environment) plant(s seed) (Credentials, error) {
	var credentials Credentials
	err := env.store.update(func(c *change) error {
		now := time.Now().UTC()
		own := settings{scopes: []string{"openid"}, expiry: int64(environmentLifetime / time.Second)}
		credentials.ClientID, credentials.ClientSecret = c.plantClient(seedClient{own, s.clientID, s.clientSecret}, "skc_", "", now)
		for n, o := range s.organizations {
			made := organization{
				id: o.id, sequence: c.next(), created: now.Truncate(time.Millisecond), updated: now,
				profile: profile{region: max(o.region, 1)}.with(o.profile),
			}
			if made.id == "" {
				made.id = c.ids.next("org_")
			}
			c.putOrganization(made)
			if n == 0 {
				credentials.OrganizationID = made.id
			}
			for _, client := range o.clients {
				id, plain := c.plantClient(client, "m2morg_", made.id, now)
				if client.secret == "" {
					credentials.Clients = append(credentials.Clients, ClientCredentials{ID: id, Name: client.name, Secret: plain})
				}
			}
		}
		return nil
	})
	return credentials, err
}

// plantClient keeps a client and returns its credentials.
func (c *change) plantClient(from seedClient, prefix, organizationID string, now time.Time) (id, plain string) {
	kept, plain := newSecret(c.ids.next("sks_"), now)
	if from.secret != "" {
		plain = from.secret
		kept = kept.of(plain)
	}
	made := client{
		id: from.id, organizationID: organizationID, sequence: c.next(), settings: from.normalized(),
		secrets: []secret{kept}, created: now.Truncate(time.Millisecond), updated: now,
	}
	if made.id == "" {
		made.id = c.ids.next(prefix)
	}
	if made.expiry == 0 {
		made.expiry = defaultExpiry
	}
	c.putClient(made)
	return made.id, plain
}
