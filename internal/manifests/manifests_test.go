package manifests_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearer/internal/manifests"
)

const root = "../.."

// elsewhere lists YAML files that other checks decode.
var elsewhere = map[string]string{
	".golangci.yml":                             "the linter, step lint",
	".github/dependabot.yml":                    "GitHub",
	".github/ISSUE_TEMPLATE/bug.yml":            "internal/dotgithub",
	".github/ISSUE_TEMPLATE/config.yml":         "internal/dotgithub",
	".github/ISSUE_TEMPLATE/feature.yml":        "internal/dotgithub",
	".github/ISSUE_TEMPLATE/verdict.yml":        "internal/dotgithub",
	".github/workflows/ci.yml":                  "actionlint, step workflows",
	".github/workflows/codeql.yml":              "actionlint, step workflows",
	"examples/grpcgateway/deploygw/deploy.yaml": "protoc-gen-grpc-gateway",
	"internal/scalekit/scalekitv1/buf.gen.yaml": "buf",
	"metrics/rules.yml":                         "promtool, in package metrics",
	"metrics/testdata/rules_test.yml":           "promtool, in package metrics",
}

// TestRepository decodes every YAML file of the repository, and every block of YAML in its pages.
// YAML that belongs to no kind is an error.
func TestRepository(t *testing.T) {
	sources, err := manifests.Find(root)
	if err != nil {
		t.Fatal(err)
	}
	left, blocks, seen := maps.Clone(elsewhere), 0, make(map[manifests.Kind]int)
	for _, source := range sources {
		if _, ok := elsewhere[source.Name]; ok {
			delete(left, source.Name)
			continue
		}
		if source.Block {
			blocks++
		}
		kinds, err := manifests.Check(source)
		if err != nil {
			t.Errorf("%s: %v", source.Name, err)
		}
		for _, kind := range kinds {
			seen[kind]++
		}
	}
	for name := range left {
		t.Errorf("%s: got no file, want a file that another check decodes, or no row", name)
	}
	for _, kind := range []manifests.Kind{manifests.Compose, manifests.Kubernetes, manifests.Envoy, manifests.Traefik, manifests.Seed} {
		if seen[kind] < 2 {
			t.Errorf("%s: got %d documents, want at least 2", kind, seen[kind])
		}
	}
	if blocks < 6 {
		t.Errorf("got %d blocks in pages, want at least 6", blocks)
	}
	t.Log(seen, blocks)
}

// source returns a file of the repository.
func source(t *testing.T, name string) manifests.Source {
	t.Helper()
	path := filepath.Join(root, filepath.FromSlash(name))
	data, err := os.ReadFile(path) //nolint:gosec // a file of the repository
	if err != nil {
		t.Fatal(err)
	}
	return manifests.Source{Name: name, Path: path, Text: string(data)}
}

// The files that the tests below change.
const (
	compose = "examples/keycloak/compose.yaml"
	kube    = "examples/keycloak/kubernetes.yaml"
	envoy   = "examples/forwardauth/envoy.yaml"
	traefik = "examples/forwardauth/traefik.yaml"
	ingress = "examples/forwardauth/ingress-nginx.yaml"
	seed    = "cmd/bearer-issuer/seed.yaml"
)

// TestMistakes makes one mistake in a file. Check must report it.
func TestMistakes(t *testing.T) {
	for _, row := range []struct{ file, old, new, want string }{
		{compose, "    command:", "    comand:", "comand"},
		{compose, "    read_only: true", "    readonly: true", "readonly"},
		{compose, "services:", "servces:", "servces"},
		{compose, "127.0.0.1:8180:8080", "127.0.0.1:8180:http", "http"},

		{kube, "containerPort: 8443", "containerport: 8443", "containerport"},
		{kube, "readOnlyRootFilesystem", "readonlyRootFilesystem", "readonlyRootFilesystem"},
		{kube, "replicas: 2", "replicas: two", "cannot unmarshal"},
		{kube, "  replicas: 2", "  replicas: 2\n  replicas: 3", "already set"},
		{kube, "kind: ConfigMap", "kind: Configmap", "unknown"},
		{kube, "- { name: keys, mountPath", "- { name: key, mountPath", `"key", which does not exist`},
		{kube, "path: /readyz, port: http", "path: /readyz, port: web", "no port web"},
		{kube, "path: /livez, port: http", "path: /livez, port: 8081", "no port 8081"},
		{kube, "matchLabels: { app: api }", "matchLabels: { app: other }", "does not match"},
		{kube, "  selector: { app: keycloak }", "  selector: { app: key }", "matches no deployment"},
		{kube, "port: 80, targetPort: http", "port: 80, targetPort: web", "no port web"},
		{kube, "configMapRef: { name: api }", "configMapRef: { name: other }", "ConfigMap other is not in the file"},
		{kube, "secretKeyRef: { name: api,", "secretKeyRef: { name: other,", "Secret other is not in the file"},
		{seed, "        scopes:", "        scope:", "scope"},
		{seed, "organizations:", "organization:", "organization"},
		{ingress, "pathType: Prefix", "pathtype: Prefix", "pathtype"},

		{envoy, "stat_prefix: front", "stat_prefixes: front", "stat_prefixes"},
		{envoy, "codec_type: AUTO", "codec_type: BOTH", "BOTH"},
		{envoy, "transport_api_version: V3", "transport_api_version: V3\n                      failure_mode_alow: true", "failure_mode_alow"},
		{envoy, "connect_timeout: 5s", "connect_timeout: 0s", "ConnectTimeout"},
		{envoy, "stat_prefix: front", `stat_prefix: ""`, "StatPrefix"},
		{envoy, "ext_authz.v3.ExtAuthz", "ext_authz.v3.ExtAuth", "ExtAuth"},
		{envoy, "                        authorization_response:", "                        authorization_request: { allowed_headers: { patterns: [{ exact: origin }] } }\n                        authorization_response:", "deprecated"},
		{envoy, "http2_protocol_options: {}", "http2_protocol_options: { x: 1 }", `unknown field "x"`},

		{traefik, "trustForwardHeader: false", "trustForwardheader: false", "trustForwardheader"},
		{traefik, "trustForwardHeader: false", "trustForwardHeader: true", "want trustForwardHeader: false"},
		{traefik, "middlewares: [clean,", "middlewares: [cleaner,", `"cleaner" does not exist`},
		{traefik, "service: service", "service: other", `service "other"`},
		{traefik, "loadBalancer:", "loadbalancers:", "loadbalancers"},
		{traefik, "http:\n", "httpx:\n", "httpx"},
	} {
		s := source(t, row.file)
		if _, err := manifests.Check(s); err != nil {
			t.Fatalf("%s: got error %v, want none", row.file, err)
		}
		if !strings.Contains(s.Text, row.old) {
			t.Errorf("%s: got no text %q, want one", row.file, row.old)
			continue
		}
		s.Text = strings.ReplaceAll(s.Text, row.old, row.new)
		if _, err := manifests.Check(s); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s with %q: got error %v, want an error with %q", row.file, row.new, err, row.want)
		}
	}
}

// TestUnknown checks that YAML that belongs to no kind, and a text without YAML, are errors.
func TestUnknown(t *testing.T) {
	for _, text := range []string{"a: 1\n", "- a\n", "a", "", "# comment\n", "kind: Deployment\nx: 1\n", "apiVersion: v2\nkind: Service\n", "{"} {
		if kinds, err := manifests.Check(manifests.Source{Name: "x", Path: "x", Text: text}); err == nil {
			t.Errorf("%q: got the kinds %v, want an error", text, kinds)
		}
	}
}

// TestFind checks that Find finds files and blocks, even in a list.
func TestFind(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a.yaml": "a: 1\n", "b/c.yml": "b: 2\n", "b/page.md": "# Page\n\n```yaml\nc: 3\n```\n\n1. item\n\n   ```yml\n   d:\n     - 4\n   ```\n\n```sh\ne: 5\n```\n",
		"node_modules/x.yaml": "f: 6\n", "b/d.txt": "g: 7\n",
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sources, err := manifests.Find(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range sources {
		got = append(got, s.Name+" "+s.Text)
	}
	want := []string{"a.yaml a: 1\n", "b/c.yml b: 2\n", "b/page.md:3 c: 3\n", "b/page.md:9 d:\n  - 4\n"}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
