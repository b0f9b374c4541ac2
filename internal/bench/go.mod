module github.com/bearerkit/bearer/internal/bench

go 1.26.0

replace github.com/bearerkit/bearer => ../..

require (
	github.com/MicahParks/keyfunc/v3 v3.9.1
	github.com/bearerkit/bearer v0.0.0
	github.com/coreos/go-oidc/v3 v3.21.0
	github.com/golang-jwt/jwt/v5 v5.3.1
)

require (
	github.com/MicahParks/jwkset v0.11.4 // indirect
	github.com/go-jose/go-jose/v4 v4.1.4 // indirect
	github.com/go-json-experiment/json v1.27.2 // indirect
	golang.org/x/oauth2 v0.37.0 // indirect
	golang.org/x/time v0.16.0 // indirect
)
