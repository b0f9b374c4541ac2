-- This script asks the program forwardauth whether a request may pass. The file haproxy.cfg
-- loads the script, and passes the URL of forwardauth.

-- forwardauth makes these fields from the caller's claims.
local caller = { "x-subject", "x-client", "x-scope" }

-- forwardauth needs these fields of the client.
local needed = { "authorization", "dpop", "accept", "origin", "access-control-request-method" }

-- The client gets these fields of a refusal.
local refused = { "www-authenticate", "dpop-nonce", "retry-after", "content-type", "cache-control", "x-content-type-options", "access-control-expose-headers" }

core.register_action("forwardauth", { "http-req" }, function(txn, url)
	local client, fields = txn.http:req_get_headers(), {}
	for _, name in ipairs(needed) do
		fields[name] = client[name]
	end
	-- forwardauth logs or refuses the client's fields that name another method, target or host.
	-- It needs only their names.
	for name in pairs(client) do
		if name:find("^x%-") or name == "disguised-host" then
			fields[name] = { "-" }
		end
	end
	-- A request with a body is not a CORS preflight request.
	local length = client["content-length"]
	if client["transfer-encoding"] or (length and length[0] ~= "0") then
		fields["origin"] = nil
	end
	fields["x-forwarded-method"] = { txn.sf:method() }
	fields["x-forwarded-uri"] = { txn.sf:pathq() }
	fields["x-forwarded-host"] = { txn.sf:req_fhdr("host") }

	-- HAProxy asks up to four times if there is no answer in time, so the client waits for up to
	-- 10 s. forwardauth answers within 2 s even if it must fetch keys.
	local answer = core.httpclient():get { url = url, headers = fields, timeout = 2500 }
	if answer and answer.status == 204 then
		for _, name in ipairs(caller) do
			local values = answer.headers[name]
			if values and values[0] ~= "" then
				txn.http:req_set_header(name, values[0])
			else
				txn.http:req_del_header(name)
			end
		end
		-- The nonce for the next proof of the client (DPoP).
		local nonce = answer.headers["dpop-nonce"]
		if nonce then
			txn:set_var("txn.forwardauth_nonce", nonce[0])
		end
		txn:set_var("txn.forwardauth_allowed", true)
		return
	end

	local reply = txn:reply { status = 503 }
	-- The statuses 502 and 504 are from HAProxy itself.
	if answer and answer.status >= 400 and answer.status ~= 502 and answer.status ~= 504 then
		reply:set_status(answer.status)
		for _, name in ipairs(refused) do
			for _, value in pairs(answer.headers[name] or {}) do
				reply:add_header(name, value)
			end
		end
		reply:set_body(answer.body)
	end
	txn:done(reply)
end, 1)
