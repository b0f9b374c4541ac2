// This program is a client with DPoP for the tests in the parent folder. The first argument names
// the package that makes the proofs: dpop, oauth4webapi or openid-client. The second argument is a
// JSON object with the URL of the issuer, the credentials of the client, the resource, the scope
// and the algorithm of the key. The program gets a bound token and writes the response of the
// token endpoint to standard output. Then it reads requests from standard input. Each line is a
// JSON object with the members method, url and body. The program sends each request with a proof,
// follows a challenge for a nonce once, and writes {"status": ..., "challenge": ...}. It exits at
// the end of standard input.
import { createInterface } from 'node:readline';

const [name, argument] = process.argv.slice(2);
const settings = JSON.parse(argument);
const parameters = { resource: settings.resource, scope: settings.scope };

// Each function below returns {grant, send}: the response of the token endpoint, and a function
// that sends one request to the API.
const clients = {
  // The package dpop only makes proofs. Its documentation passes the whole URL as "htu".
  async dpop() {
    const { generateKeyPair, generateProof } = await import('dpop');
    const key = await generateKeyPair(settings.alg);
    let nonce;
    async function send(method, url, body, headers, token) {
      for (let attempt = 1; ; attempt++) {
        const proof = await generateProof(key, url, method, nonce, token);
        const response = await fetch(url, { method, body, headers: { ...headers, dpop: proof } });
        nonce = response.headers.get('dpop-nonce') ?? nonce;
        const wanted = response.headers.get('www-authenticate')?.includes('use_dpop_nonce');
        if (!wanted || attempt === 2) return response;
      }
    }
    const discovered = await fetch(`${settings.issuer}/.well-known/openid-configuration`);
    const response = await send(
      'POST',
      (await discovered.json()).token_endpoint,
      new URLSearchParams({ ...parameters, grant_type: 'client_credentials' }),
      { authorization: `Basic ${btoa([settings.id, settings.secret].map(encodeURIComponent).join(':'))}` },
    );
    const grant = await response.json();
    const authorization = `DPoP ${grant.access_token}`;
    return { grant, send: (method, url, body) => send(method, url, body, { authorization }, grant.access_token) };
  },

  // oauth4webapi keeps the nonce of each origin. Its caller repeats the request.
  async oauth4webapi() {
    const oauth = await import('oauth4webapi');
    const http = { [oauth.allowInsecureRequests]: true }; // the issuer is on loopback
    const issuer = new URL(settings.issuer);
    const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, http));
    const client = { client_id: settings.id };
    const DPoP = oauth.DPoP(client, await oauth.generateKeyPair(settings.alg));
    const grant = await oauth.processClientCredentialsResponse(server, client, await oauth.clientCredentialsGrantRequest(
      server, client, oauth.ClientSecretBasic(settings.secret), parameters, { ...http, DPoP },
    ));
    const request = (method, url, body) => oauth.protectedResourceRequest(
      grant.access_token, method, new URL(url), undefined, body, { DPoP },
    );
    return {
      grant,
      send: (...args) => request(...args).catch((err) => {
        if (!oauth.isDPoPNonceError(err)) throw err;
        return request(...args);
      }),
    };
  },

  // openid-client repeats the request itself.
  async 'openid-client'() {
    const client = await import('openid-client');
    const config = await client.discovery(
      new URL(settings.issuer), settings.id, undefined, client.ClientSecretBasic(settings.secret),
      { execute: [client.allowInsecureRequests] },
    );
    const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair(settings.alg));
    const grant = await client.clientCredentialsGrant(config, parameters, { DPoP });
    return {
      grant,
      send: (method, url, body) => client.fetchProtectedResource(
        config, grant.access_token, new URL(url), method, body, undefined, { DPoP },
      ),
    };
  },
};

const respond = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

const { grant, send } = await clients[name]();
respond(grant);
for await (const line of createInterface({ input: process.stdin })) {
  const { method, url, body } = JSON.parse(line);
  // The two packages of OAuth report a challenge as an error that contains the response.
  const response = await send(method, url, body).catch((err) => {
    const refused = err.response ?? err.cause?.response;
    if (!refused) throw err;
    return refused;
  });
  await response.arrayBuffer();
  respond({ status: response.status, challenge: response.headers.get('www-authenticate') });
}
