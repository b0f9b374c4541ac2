package limits

// own is the test of this package that runs at the limit and beyond the limit.
const own = "internal/limits TestLimits"

var tokenGroups = []Group{
	{
		Title: "Tokens",
		Intro: "These limits apply before the signature is verified. Within the length of a token, there is no other limit: a token may have any number of members and scopes, and names, strings and numbers of any length.",
		Limits: []Limit{
			{
				Constant: "bearer.maxToken", Subject: "length of a token", Unit: "bytes",
				Beyond: "The token is refused (`malformed`) before it is decoded.",
				Valid:  "a longer token", Source: "RFC 7519 has no limit", Test: own,
			},
			{
				Constant: "internal/strictjson.MaxDepth", Subject: "nested objects and arrays, in the header and in the claims set", Unit: "levels",
				Beyond: "The token is refused (`malformed`). An element of a key set is left out, and a metadata document is refused.",
				Valid:  "a claim that nests deeper", Source: "RFC 8259, section 9, permits the limit", Test: own,
			},
			{
				Constant: "internal/strictjson.MaxRecord", Subject: "length of a claims set in `Profile.Claims`", Unit: "bytes",
				Beyond: "`Profile.Claims` returns an error. The claims set of a token is always shorter, because the length of a token is limited.",
				Valid:  "a longer claims set", Source: "RFC 8259, section 9, permits the limit", Test: own,
			},
			{
				Constant: "internal/claim.maxNumber", Subject: "text of a NumericDate (`exp`, `nbf`, `iat`)", Unit: "characters",
				Beyond: "The token is refused (`claims`). The number is not parsed.",
				Valid:  "a date with many digits after the decimal point, or with many zeros at the start of its exponent", Source: "RFC 8259, sections 6 and 9", Test: own,
			},
			{
				Constant: "internal/claim.maxDate", Subject: "NumericDate (`exp`, `nbf`, `iat`)", Unit: "Unix time",
				Beyond: "The token is refused (`claims`). Such a number is usually a time in milliseconds. The same limit applies before 1970, with a minus sign.",
				Valid:  "a token that expires after the year 9999", Source: "RFC 7519, section 2", Test: own,
			},
			{
				Constant: "bearer.skew", Subject: "time by which `nbf` and `iat` may be in the future",
				Beyond: "The token is refused (`not_yet_valid`). For `exp`, there is no such time. `Config.Leeway` is added.",
				Valid:  "a token whose `iat` is further in the future", Source: "RFC 7519, sections 4.1.5 and 4.1.6", Test: own,
			},
			{
				Constant: "bearer.maxLeeway", Subject: "time that is added to the tolerance of `exp`, `nbf` and `iat`", Option: "bearer.Config.Leeway", Unit: "most",
				Beyond: "`New` returns an error. If the clocks differ by more, correct the clocks (RFC 7519, section 4.1.4, permits a few minutes).", Test: own,
			},
			{
				Constant: "bearer.shortestLeeway", Subject: "`Config.Leeway`", Unit: "least",
				Beyond: "`New` returns an error for a shorter time, except for whole milliseconds. Such a time is usually a number without a unit.",
				Test:   own,
			},
			{
				Subject: "lifetime of a token, from `iat` to `exp`", Option: "bearer.Config.MaxLifetime",
				Beyond: "The token is refused (`claims`). If the option is set, a token without `iat` is refused too.",
				Valid:  "a token with a longer lifetime", Source: "RFC 7519, section 4.1.4", Test: "bearer TestTimes",
			},
			{
				Subject: "age of a token, since `iat`", Option: "bearer.Config.MaxAge",
				Beyond: "The token is refused (`expired`), even if it is cached. If the option is set, a token without `iat` is refused too.",
				Valid:  "an older token", Source: "RFC 7519, section 4.1.6", Test: "bearer TestTimes",
			},
			{
				Constant: "bearer.shortestAge", Subject: "`Config.MaxLifetime` and `Config.MaxAge`", Unit: "least",
				Beyond: "`New` returns an error for a shorter duration, except for whole milliseconds. Such a duration is usually a number without a unit.",
				Test:   own,
			},
		},
	},
	{
		Title: "Cache of verified tokens",
		Intro: "See [Caches](caches.md). Beyond these limits, tokens are verified again. No token is refused.",
		Limits: []Limit{
			{
				Constant: "bearer.defaultCacheSize", Subject: "cached tokens", Unit: "tokens", Option: "bearer.Config.CacheSize",
				Beyond: "The cache evicts expired tokens first, and then tokens without recent requests.", Test: own,
			},
			{
				Constant: "bearer.tokenMemory", Subject: "memory of cached tokens, for each token of `CacheSize`", Unit: "bytes", Option: "bearer.Config.CacheSize",
				Beyond: "The cache evicts tokens until the memory of all cached tokens is within the limit. A token that alone exceeds the limit is not cached.", Test: "bearer TestCacheBounds",
			},
			{
				Constant: "internal/jws.maxHeaders", Subject: "shared headers", Unit: "headers",
				Beyond: "The cache drops all shared headers. From then on, each cached token counts with its own header.", Test: own,
			},
			{
				Constant: "internal/jws.maxHeaderLength", Subject: "length of a shared header, in base64url", Unit: "bytes",
				Beyond: "The header is not shared. Each cached token counts with its own header.", Test: own,
			},
			{
				Constant: "internal/memory.SweepInterval", Subject: "time that an expired token stays in the cache",
				Beyond: "The cache removes the token.", Test: "internal/memory TestExpired",
			},
			{
				Constant: "internal/deepcopy.maxCopyDepth", Subject: "nested values in a value of `Config.Custom`", Unit: "levels",
				Beyond: "The value is not copied. Each call of `Custom` decodes the claims again.", Test: own,
			},
			{
				Constant: "internal/sizeof.maxDepth", Subject: "nested values in a value of `Config.Custom`, for the memory of the cache", Unit: "levels",
				Beyond: "The token is not cached.", Test: own,
			},
		},
	},
	{
		Title: "Rules and paths",
		Intro: "A rule may name any number of scopes.",
		Limits: []Limit{
			{
				Constant: "scopes.maxAlternatives", Subject: "alternatives of a rule that bearer compares", Unit: "alternatives",
				Beyond: "`Rule.Alternatives` returns false, and the scopes in a challenge may be more than necessary. The rule itself works without this limit.", Test: own,
			},
			{
				Constant: "internal/cleanpath.MaxRounds", Subject: "rounds of decoding of a path, including the path itself", Unit: "rounds",
				Beyond: "The path is not clean, and the guard refuses the request (`scope`, or `no_token` without a token).",
				Valid:  "a path that is escaped more often", Source: "RFC 3986, section 2.4", Test: own,
			},
			{
				Constant: "scopes.maxPath", Subject: "length of a path that handlers can read in several ways", Unit: "bytes",
				Beyond: "No pattern of the table matches, and the guard refuses the request. A path that every handler reads in the same way has no limit.",
				Valid:  "a longer path with an escape or a parameter", Source: "RFC 9110, section 4.1, permits the limit", Test: own,
			},
			{
				Constant: "scopes.maxReadings", Subject: "length of all forms of a path together", Unit: "bytes",
				Beyond: "No pattern of the table matches, and the guard refuses the request. Each form also counts 512 bytes.", Test: "internal/limits TestManyReadings",
			},
			{
				Constant: "bearer.maxExact", Subject: "number with a fraction or an exponent that equals an integer of `ClaimEquals`", Unit: "",
				Beyond: "From this value on, the rule does not match a claim such as `9007199254740992.0`. An integer without a fraction and an exponent has no limit.",
				Test:   own,
			},
			{
				Constant: "internal/errtree.Max", Subject: "errors that the error of a rule, a hook or a verifier contains", Unit: "errors",
				Beyond: "The request is refused (`internal`).", Test: own,
			},
		},
	},
}
