package limits

var guardGroups = []Group{
	{
		Title: "HTTP and gRPC guards",
		Intro: "The limits of net/http and grpc-go for the size of a request apply before the guard.",
		Limits: []Limit{
			{Constant: "middleware.maxAnswer", Subject: "fields of `Options.Headers` in an answer of `ForwardAuth`", Unit: "bytes", Beyond: "The request is refused (`internal`), because nginx does not accept a larger answer.", Test: "middleware TestForwardAuthSize"},
			{Constant: "middleware.maxScopes", Subject: "scopes in a challenge of `ForwardAuth`", Unit: "bytes", Beyond: "The challenge names no scopes. A challenge of the other handlers has no limit.", Test: "middleware TestForwardAuthManyScopes"},
			{Constant: "middleware.maxSpelled", Subject: "hyphens of a field whose spellings Envoy removes", Unit: "hyphens", Beyond: "The further hyphens of a removed spelling are all the same character.", Test: "middleware TestDialectManyHyphens"},
			{Constant: "middleware.maxEmptyReads", Subject: "reads without a result from the body of a preflight request", Unit: "reads", Beyond: "The body counts as broken, and the request needs a token.", Test: own},
			{Constant: "middleware/chibearer.maxTrees", Subject: "chi routers with the same middleware in memory", Unit: "routers", Beyond: "The middleware drops all other routers, and reads their routes again when they get a request.", Test: "middleware/chibearer TestForgottenRouters"},
			{Constant: "internal/refusal.defaultRetry", Subject: "`Retry-After` if the error of a verifier contains no time", Beyond: "This time is a default, and not a maximum.", Test: "internal/refusal TestOfRetryAfter"},
			{Constant: "middleware.maxListed", Subject: "issuers in the answer of a readiness handler", Unit: "issuers", Beyond: "The answer lists the issuers without keys first, and omits further issuers.", Test: "middleware TestReadinessOfManyIssuers"},
			{Constant: "middleware.longAnswerLifetime", Subject: "time for which a readiness handler repeats an answer that does not list all issuers", Beyond: "The handler makes a new answer.", Test: "middleware TestReadinessOfManyIssuers"},
			{Constant: "middleware.documentLifetime", Subject: "time for which the guard repeats its metadata document", Beyond: "The guard makes a new document.", Test: "middleware TestMetadataIsBuiltOncePerSecond"},
			{Constant: "interceptor.maxTick", Subject: "time between two readings of the wall clock while checks of open streams are pending", Beyond: "The guard notices whether the machine was suspended or the wall clock has jumped.", Test: "interceptor TestStreamsOverJump"},
			{Constant: "interceptor.maxDelay", Subject: "time between a jump of the wall clock and the start of the checks of open streams that became due by the jump", Beyond: "All such checks have started.", Test: "interceptor TestChecksAfterJump"},
			{Constant: "interceptor.maxStarts", Subject: "checks of open streams that the schedule starts without a pause", Unit: "checks", Beyond: "Calls can add and remove checks before the next checks start.", Test: "interceptor TestManyStreams"},
			{Constant: "interceptor.defaultInterval", Subject: "time between two checks of `WatchHealth`", Option: "interceptor.HealthOptions.Interval", Beyond: "The status changes at the next check.", Test: "interceptor TestWatchHealth"},
			{Constant: "interceptor.shortestInterval", Subject: "`HealthOptions.Interval`", Unit: "least", Beyond: "`WatchHealth` returns an error for a shorter duration, except for whole milliseconds. Such a duration is usually a number without a unit.", Test: own},
			{Constant: "interceptor.shortestRecheck", Subject: "`Options.RecheckStreams`", Unit: "least", Beyond: "`NewGuard` returns an error for a shorter duration, except for whole milliseconds. Such a duration is usually a number without a unit.", Test: own},
			{Subject: "time between two checks of the token of an open stream", Option: "interceptor.Options.RecheckStreams", Beyond: "The guard checks the token again. The stream ends if the token is refused.", Test: "interceptor TestRecheckStreams"},
			{Constant: "interceptor.leeway", Subject: "time limit of a check of an expired stream, and time between two such checks", Beyond: "The stream ends.", Test: "interceptor TestVerifiersThatHang"},
		},
	},
}
