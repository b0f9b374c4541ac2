// This program runs oidc-provider for the tests in the parent folder. It listens on a
// loopback address and writes {"url": ...} to standard output. Then it reads commands from
// standard input. Each line is one command. The command "rotate" publishes new keys and signs with
// these keys. The command "withdraw" removes the older keys from the published set. The
// program writes one line after each command, and exits at the end of standard input.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { Provider } from 'oidc-provider';

console.info = console.error; // standard output is only for responses to commands

const [secret] = process.argv.slice(2);
const scopes = 'read:deployments deploy:applications';

const kinds = {
  RS256: ['rsa', { modulusLength: 2048 }],
  PS256: ['rsa', { modulusLength: 2048 }],
  ES256: ['ec', { namedCurve: 'P-256' }],
  EdDSA: ['ed25519'],
  Ed25519: ['ed25519'],
};

function newKeys() {
  return Object.entries(kinds).map(([alg, [kind, options]]) => ({
    ...generateKeyPairSync(kind, options).privateKey.export({ format: 'jwk' }),
    alg,
    use: 'sig',
  }));
}

const client = { client_secret: secret, token_endpoint_auth_method: 'client_secret_basic' };

function newProvider(issuer, keys) {
  return new Provider(issuer, {
    jwks: { keys },
    cookies: { keys: ['of the tests'] },
    clients: [{
      ...client,
      client_id: 'deployer',
      grant_types: ['client_credentials', 'authorization_code'],
      response_types: ['code'],
      redirect_uris: ['https://client.example/callback'],
    }],
    scopes: ['openid'],
    findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    enabledJWA: { dPoPSigningAlgValues: ['ES256', 'Ed25519', 'EdDSA', 'PS256', 'RS256'] },
    features: {
      clientCredentials: { enabled: true },
      dPoP: { enabled: true },
      devInteractions: { enabled: true },
      resourceIndicators: {
        enabled: true,
        // The last part of the resource names the algorithm that signs the tokens for
        // the resource. A token without a resource is opaque.
        getResourceServerInfo: (ctx, resource) => ({
          scope: scopes,
          audience: resource,
          accessTokenFormat: 'jwt',
          accessTokenTTL: 300,
          jwt: { sign: { alg: resource.split('/').pop() } },
        }),
      },
    },
  }).callback();
}

const server = createServer((request, response) => answer(request, response));
await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
const issuer = `http://127.0.0.1:${server.address().port}`;

let keys = newKeys();
let answer = newProvider(issuer, keys);
const respond = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
respond({ url: issuer });

for await (const command of createInterface({ input: process.stdin })) {
  switch (command) {
    case 'rotate':
      keys = [...newKeys(), ...keys]; // oidc-provider signs with the first key that fits the algorithm
      break;
    case 'withdraw':
      keys = keys.slice(0, Object.keys(kinds).length);
      break;
    default:
      throw new Error(`got command ${command}, want rotate or withdraw`);
  }
  answer = newProvider(issuer, keys);
  respond({ done: command });
}
server.closeAllConnections();
server.close();
