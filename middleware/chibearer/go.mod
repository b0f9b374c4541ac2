module github.com/bearerkit/bearer/middleware/chibearer

go 1.26.0

require (
	github.com/bearerkit/bearer v0.0.0
	github.com/go-chi/chi/v5 v5.5.0
)

require (
	github.com/MicahParks/jwkset v0.11.4 // indirect
	github.com/MicahParks/keyfunc/v3 v3.9.1 // indirect
	github.com/go-json-experiment/json v1.27.2 // indirect
	github.com/golang-jwt/jwt/v5 v5.3.1 // indirect
	golang.org/x/time v0.16.0 // indirect
)

replace github.com/bearerkit/bearer => ../..
