package limits

var reportGroups = []Group{
	{
		Title: "Logs and errors",
		Intro: "No limit of this table changes a verdict. Longer values are cut. Values from a token are also escaped.",
		Limits: []Limit{
			{Constant: "bearer.maxRefusals", Subject: "refusals that a process logs to `Config.Logger` in a minute", Unit: "records", Beyond: "Further refusals are counted. The next record contains the count. A `LogObserver` logs more.", Test: "bearer TestConfigLoggerLimit"},
			{Constant: "bearer.maxFaults", Subject: "faults of the service that a process logs to `Config.Logger` in a minute", Unit: "records", Beyond: "Further faults are counted. The next record contains the count.", Test: "bearer TestConfigLoggerFaults"},
			{Constant: "bearer.defaultBurst", Subject: "refusals with the same reason, route and issuer that a `LogObserver` logs in an interval", Unit: "records", Option: "bearer.LogOptions.Burst", Beyond: "Further refusals are counted. One record contains the count at the end of the interval.", Test: own},
			{Constant: "bearer.reasonFactor", Subject: "refusals with the same reason that a `LogObserver` logs in an interval, as a multiple of Burst", Unit: "", Option: "bearer.LogOptions.Burst", Beyond: "Further refusals are counted.", Test: own},
			{Constant: "bearer.defaultInterval", Subject: "interval of a `LogObserver`", Option: "bearer.LogOptions.Interval", Beyond: "The counts start again.", Test: "bearer TestLogFlood"},
			{Constant: "bearer.maxLogKeys", Subject: "combinations of reason, route and issuer that a `LogObserver` counts in an interval", Unit: "combinations", Beyond: "All further refusals with the same reason share one limit of Burst.", Test: own},
			{Constant: "bearer.maxDetail", Subject: "text of an error in a record", Unit: "bytes", Beyond: "The text is cut.", Test: own},
			{Constant: "bearer.maxForeign", Subject: "text of an error of a hook or of another verifier in a record of `Config.Logger`", Unit: "bytes", Beyond: "The text is cut.", Test: own},
			{Constant: "bearer.maxNoRule", Subject: "text of `Request.NoRule` in an error", Unit: "bytes", Beyond: "The text is cut.", Test: own},
			{Constant: "internal/quote.Max", Subject: "value of a token or an issuer in an error, a record and `Explain`", Unit: "bytes", Beyond: "The value is cut and ends with `...`.", Test: own},
			{Constant: "internal/quote.MaxQuoted", Subject: "the same value with its escapes", Unit: "bytes", Beyond: "The value is cut and ends with `...`.", Test: own},
			{Constant: "internal/quote.MaxList", Subject: "values of an array of a token in an error", Unit: "values", Beyond: "Further values are omitted.", Test: "internal/quote TestCutAll"},
			{Constant: "bearer.maxListed", Subject: "names of claims, roles or keys in a text of `Explain`", Unit: "names", Beyond: "Further names are omitted.", Test: own},
			{Constant: "jwks.maxReported", Subject: "changed keys, and unusable elements, in the records of one refresh", Unit: "elements", Beyond: "One record has the number of all unusable elements. `Status.Skipped` contains all elements.", Test: own},
			{Constant: "jwks.deniedInterval", Subject: "time between two records about tokens with unknown keys", Beyond: "Such tokens are counted. The next record contains the count.", Test: "jwks TestDeniedFetchesLog"},
			{Constant: "middleware.logInterval", Subject: "time between two records about ignored fields, and about refused WebSocket handshakes", Beyond: "Such requests are counted. The next record contains the count.", Test: "middleware TestForwardAuthIgnoredFieldsRate"},
			{Constant: "middleware.maxNames", Subject: "names of fields or patterns in such a record", Unit: "names", Beyond: "Further names are omitted.", Test: own},
			{Constant: "middleware.maxMethod", Subject: "method of a request without a rule, in an error", Unit: "bytes", Beyond: "The method is cut and ends with `...`.", Test: "middleware TestNoRuleText"},
			{Constant: "middleware.maxHost", Subject: "host of a request without a rule, in an error", Unit: "bytes", Beyond: "The host is cut and ends with `...`.", Test: "middleware TestNoRuleHost"},
			{Constant: "middleware.maxPath", Subject: "path of a request without a rule, in an error", Unit: "bytes", Beyond: "The path is cut and ends with `...`.", Test: "middleware TestNoRuleText"},
			{Constant: "interceptor.maxMethod", Subject: "gRPC method without a rule, in an error", Unit: "bytes", Beyond: "The method is cut and ends with `...`.", Test: own},
		},
	},
	{
		Title: "Metrics and traces",
		Intro: "Clients cannot increase the number of series beyond these limits. Each watched issuer adds the series of its keys and of its cache.",
		Limits: []Limit{
			{Constant: "metrics.defaultRoutes", Subject: "values of the label `route`", Unit: "routes", Option: "metrics.Options.MaxRoutes", Beyond: "Further routes have the value `other`.", Test: own},
			{Constant: "metrics.maxIssuers", Subject: "values of the label `issuer` of verdicts, if `Options.Issuers` is nil", Unit: "issuers", Option: "metrics.Options.Issuers", Beyond: "Verdicts on tokens of further issuers have the value `other`.", Test: own},
			{Constant: "metrics.maxTransports", Subject: "values of the label `transport`", Unit: "transports", Beyond: "Further transports have the value `other`.", Test: own},
			{Constant: "metrics.maxLabel", Subject: "length of a label value", Unit: "bytes", Beyond: "The value is cut.", Test: own},
			{Constant: "metrics.maxBuckets", Subject: "native buckets of a histogram", Unit: "buckets", Beyond: "The histogram loses resolution.", Untested: "client_golang enforces the limit"},
			{Constant: "tracing.maxValue", Subject: "value of a claim in a span", Unit: "bytes", Beyond: "The value is cut.", Test: "tracing TestLongClaim"},
		},
	},
	{
		Title: "Package bearertest",
		Intro: "The package is for tests only.",
		Limits: []Limit{
			{Constant: "bearertest.maxFormSize", Subject: "body of a token request", Unit: "bytes", Beyond: "The response is the error `invalid_request`.", Test: own},
			{Constant: "bearertest.defaultLifetime", Subject: "lifetime of a token", Option: "bearertest.Options.Lifetime", Beyond: "This time is a default, and not a maximum.", Test: "bearertest TestTokenHasRFC9068Form"},
			{Constant: "bearertest.probeTimeout", Subject: "duration of one request of `Unguarded`", Beyond: "The context of the request ends.", Test: own},
		},
	},
}
