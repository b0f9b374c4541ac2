package manifests

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"

	"github.com/bearerkit/bearer/internal/scalekit"
)

// A Kind is a kind of YAML.
type Kind string

// These are the kinds that Check decodes.
const (
	Compose    Kind = "Compose file"
	Kubernetes Kind = "Kubernetes manifest"
	Envoy      Kind = "Envoy configuration"
	Traefik    Kind = "Traefik configuration"
	Seed       Kind = "seed of bearer-issuer"
)

// separator is the line between two documents.
var separator = regexp.MustCompile(`(?m)^---[ \t]*$`)

// documents returns the documents of a text. It leaves out documents without content.
func documents(text string) ([]string, error) {
	var all []string
	for _, document := range separator.Split(text, -1) {
		content := map[string]any{}
		if err := yaml.UnmarshalStrict([]byte(document), &content); err != nil {
			return nil, err
		}
		if len(content) > 0 {
			all = append(all, document)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("got no document, want at least one")
	}
	return all, nil
}

// KindOf returns the kind of a document.
func KindOf(document string) (Kind, error) {
	content := map[string]any{}
	if err := yaml.UnmarshalStrict([]byte(document), &content); err != nil {
		return "", err
	}
	has := func(names ...string) bool {
		for _, name := range names {
			if _, ok := content[name]; ok {
				return true
			}
		}
		return false
	}
	switch {
	case has("apiVersion"), has(containerNames...), has("spec"):
		return Kubernetes, nil
	case has("static_resources"):
		return Envoy, nil
	case has("http", "tcp", "udp"):
		return Traefik, nil
	case has("services"):
		return Compose, nil
	case has("organizations"):
		return Seed, nil
	}
	names := make([]string, 0, len(content))
	for name := range content {
		names = append(names, name)
	}
	return "", fmt.Errorf("the members %q belong to no kind; add the kind to package manifests, so that the block is checked", strings.Join(names, ", "))
}

// Check decodes a source with the types of its kind. It returns the kinds of its documents. An
// unknown field is an error.
func Check(s Source) ([]Kind, error) {
	all, err := documents(s.Text)
	if err != nil {
		return nil, err
	}
	var kinds []Kind
	var objects []any
	for i, document := range all {
		kind, err := KindOf(document)
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", i+1, err)
		}
		kinds = append(kinds, kind)
		switch kind {
		case Compose:
			_, err = DecodeCompose(s)
		case Kubernetes:
			var object any
			object, err = DecodeKubernetes(document)
			objects = append(objects, object)
		case Envoy:
			_, err = DecodeEnvoy(document)
		case Traefik:
			_, err = DecodeTraefik(document)
		case Seed:
			_, _, err = scalekit.New(scalekit.Config{URL: "https://issuer.example", Seed: []byte(document)})
		}
		if err != nil {
			return nil, fmt.Errorf("document %d: %s: %w", i+1, kind, err)
		}
	}
	return kinds, agree(objects, s)
}

// decodeStrict decodes YAML. Unknown fields, and names in a different case, are errors.
func decodeStrict(document string, to any) error {
	data, err := yaml.YAMLToJSONStrict([]byte(document))
	if err != nil {
		return err
	}
	strict, err := json.UnmarshalStrict(data, to)
	return errors.Join(append(strict, err)...)
}
