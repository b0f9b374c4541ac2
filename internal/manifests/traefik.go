package manifests

import (
	"fmt"
	"slices"
)

// TraefikConfig is the part of Traefik's dynamic configuration that this repository uses. The names
// are the names in the packages dynamic and types of Traefik v3.7.13.
type TraefikConfig struct {
	HTTP struct {
		Routers     map[string]traefikRouter     `json:"routers"`
		Middlewares map[string]traefikMiddleware `json:"middlewares"`
		Services    map[string]traefikService    `json:"services"`
	} `json:"http"`
}

// traefikRouter is the type Router of package dynamic.
type traefikRouter struct {
	EntryPoints []string  `json:"entryPoints"`
	Middlewares []string  `json:"middlewares"`
	Service     string    `json:"service"`
	Rule        string    `json:"rule"`
	Priority    int       `json:"priority"`
	TLS         *struct{} `json:"tls"`
}

// traefikMiddleware is the type Middleware of package dynamic.
type traefikMiddleware struct {
	Headers *struct {
		CustomRequestHeaders  map[string]string `json:"customRequestHeaders"`
		CustomResponseHeaders map[string]string `json:"customResponseHeaders"`
	} `json:"headers"`
	ForwardAuth *struct {
		Address                  string   `json:"address"`
		TrustForwardHeader       *bool    `json:"trustForwardHeader"`
		AuthResponseHeaders      []string `json:"authResponseHeaders"`
		AuthResponseHeadersRegex string   `json:"authResponseHeadersRegex"`
		AuthRequestHeaders       []string `json:"authRequestHeaders"`
		MaxResponseBodySize      *int64   `json:"maxResponseBodySize"`
		PreserveRequestMethod    bool     `json:"preserveRequestMethod"`
	} `json:"forwardAuth"`
}

// traefikService is the type Service of package dynamic.
type traefikService struct {
	LoadBalancer *struct {
		Servers []struct {
			URL          string `json:"url"`
			Weight       *int   `json:"weight"`
			PreservePath bool   `json:"preservePath"`
		} `json:"servers"`
		PassHostHeader   *bool  `json:"passHostHeader"`
		ServersTransport string `json:"serversTransport"`
	} `json:"loadBalancer"`
}

// DecodeTraefik decodes a dynamic configuration of Traefik. It checks that the routers name
// existing services and middlewares, and that ForwardAuth does not trust the client.
func DecodeTraefik(document string) (*TraefikConfig, error) {
	config := new(TraefikConfig)
	if err := decodeStrict(document, config); err != nil {
		return nil, err
	}
	for name, router := range config.HTTP.Routers {
		if _, ok := config.HTTP.Services[router.Service]; !ok || router.Rule == "" {
			return nil, fmt.Errorf("router %s: got service %q and rule %q, want an existing service and a rule", name, router.Service, router.Rule)
		}
		for _, middleware := range router.Middlewares {
			if _, ok := config.HTTP.Middlewares[middleware]; !ok {
				return nil, fmt.Errorf("router %s: the middleware %q does not exist", name, middleware)
			}
		}
	}
	for name, middleware := range config.HTTP.Middlewares {
		if (middleware.Headers == nil) == (middleware.ForwardAuth == nil) {
			return nil, fmt.Errorf("middleware %s: want exactly one type", name)
		}
		if auth := middleware.ForwardAuth; auth != nil && (auth.TrustForwardHeader == nil || *auth.TrustForwardHeader || slices.Contains(auth.AuthResponseHeaders, "")) {
			return nil, fmt.Errorf("middleware %s: want trustForwardHeader: false", name)
		}
	}
	for name, service := range config.HTTP.Services {
		if service.LoadBalancer == nil || len(service.LoadBalancer.Servers) == 0 {
			return nil, fmt.Errorf("service %s: want servers", name)
		}
	}
	return config, nil
}
