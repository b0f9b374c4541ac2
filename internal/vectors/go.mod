module github.com/bearerkit/bearer/internal/vectors

go 1.26.4

require (
	github.com/bearerkit/bearer v0.0.0
	github.com/c2sp/wycheproof v0.0.0-20260902155932-3fa63dd0344a
	github.com/go-jose/go-jose/v4 v4.1.9
	github.com/go-json-experiment/json v1.27.2
	github.com/golang-jwt/jwt/v5 v5.3.1
)

require (
	github.com/MicahParks/jwkset v0.11.4 // indirect
	github.com/MicahParks/keyfunc/v3 v3.9.1 // indirect
	golang.org/x/time v0.16.0 // indirect
)

replace github.com/bearerkit/bearer => ../..
