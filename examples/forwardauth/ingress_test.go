package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// These are the parts of ingress-nginx.yaml.
var (
	droppedField  = regexp.MustCompile(`(?m)^  ([A-Za-z0-9-]+): ""$`)
	serverSnippet = regexp.MustCompile(`(?m)^  server-snippet: \|\n((?:    .*\n)+)`)
)

// ingressFields are the fields that ingress-nginx sets in each request to a service, with the
// default configuration of its controller. X-Scheme and X-Real-Ip cannot name another resource.
const ingressFields = `
	proxy_http_version 1.1;
	proxy_set_header Host $http_host;
	proxy_set_header Upgrade $http_upgrade;
	proxy_set_header Connection $connection_upgrade;
	proxy_set_header X-Forwarded-For $remote_addr;
	proxy_set_header X-Forwarded-Host $http_host;
	proxy_set_header X-Forwarded-Port $server_port;
	proxy_set_header X-Forwarded-Proto $scheme;
	proxy_set_header X-Forwarded-Scheme $scheme;
`

// ingressReplacer changes nginx.conf to a configuration like that of ingress-nginx, with the
// settings of ingress-nginx.yaml: the fields that it sends for the annotation auth-url, the
// fields that it sends to a service, the dropped fields, and the snippet.
func ingressReplacer() *strings.Replacer {
	text, err := os.ReadFile("ingress-nginx.yaml")
	if err != nil {
		panic(err)
	}
	fields, snippet := ingressFields, serverSnippet.FindSubmatch(text)
	for _, match := range droppedField.FindAllSubmatch(text, -1) {
		fields += "\tproxy_set_header " + string(match[1]) + ` "";` + "\n"
	}
	if snippet == nil {
		snippet = [][]byte{nil, nil}
	}
	return strings.NewReplacer(
		"proxy_set_header X-Forwarded-Method $request_method;", "proxy_set_header X-Original-Method $request_method;",
		"proxy_set_header X-Forwarded-Uri $request_uri;", "proxy_set_header X-Original-URL $scheme://$http_host$request_uri;",
		"proxy_set_header X-Forwarded-Host $host;", "",
		"proxy_set_header Host $host;", "",
		"include overrides.conf;", fields,
		"\tproxy_ignore_headers X-Accel-Redirect;", string(snippet[1]),
		"\tserver {\n", "\tmap $http_upgrade $connection_upgrade { default upgrade; '' close; }\n\tserver {\n",
	)
}

// TestIngressNginxFields checks that ingress-nginx.yaml drops every field of the guard's list
// of override fields, except for the fields that the controller replaces.
func TestIngressNginxFields(t *testing.T) {
	text, err := os.ReadFile("ingress-nginx.yaml")
	if err != nil {
		t.Fatal(err)
	}
	own := []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Proto", "X-Forwarded-Scheme"}
	var dropped []string
	for _, match := range droppedField.FindAllSubmatch(text, -1) {
		dropped = append(dropped, string(match[1]))
	}
	for _, name := range overrideFields() {
		if slices.Contains(own, name) == slices.Contains(dropped, name) {
			t.Errorf("got dropped = %v for %s, want the field to be either dropped or replaced by the controller", slices.Contains(dropped, name), name)
		}
	}
	if serverSnippet.FindSubmatch(text) == nil {
		t.Error("got no snippet, want one")
	}
}
