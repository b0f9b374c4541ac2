// This program is an API with DPoP for the tests in the parent folder: oauth4webapi checks requests
// with bound tokens. The argument is a JSON object with the URL of the issuer and the audience. The
// program reads requests from standard input. Each line is a JSON object with the members method,
// url and headers. The program answers each line with {"error": ...}. The error is empty if the
// request is accepted. The program exits at the end of standard input.
import { createInterface } from 'node:readline';
import { allowInsecureRequests, discoveryRequest, processDiscoveryResponse, validateJwtAccessToken } from 'oauth4webapi';

const settings = JSON.parse(process.argv[2]);
const http = { [allowInsecureRequests]: true }; // the issuer is on loopback
const issuer = new URL(settings.issuer);
const server = await processDiscoveryResponse(issuer, await discoveryRequest(issuer, http));

for await (const line of createInterface({ input: process.stdin })) {
  const { method, url, headers } = JSON.parse(line);
  const error = await validateJwtAccessToken(server, new Request(url, { method, headers }), settings.audience, { ...http, requireDPoP: true })
    .then(() => '', (err) => err.message || String(err));
  process.stdout.write(`${JSON.stringify({ error })}\n`);
}
