module github.com/bearerkit/bearer/internal/mutations

go 1.26.0
