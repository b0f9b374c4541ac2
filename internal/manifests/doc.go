// Package manifests decodes the YAML of the repository with the types of the programs that read it:
// Compose files, Kubernetes manifests, configurations of Envoy, dynamic configurations of Traefik,
// and seeds of bearer-issuer. It finds them in files and in fenced blocks of pages. An unknown field is an error.
//
// The package is a module of its own, because these types have many dependencies. It is not
// published. Traefik's own types are not used: their module cannot be required, because it has a
// replace directive to a module without a version, and it imports the Kubernetes client and
// the OpenTelemetry exporters. The types in traefik.go have the same names.
package manifests
