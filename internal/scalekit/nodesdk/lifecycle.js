// This script runs the lifecycle of a machine client with the vendor's published Node SDK.
// The script needs the environment variables SCALEKIT_ENVIRONMENT_URL, SCALEKIT_CLIENT_ID
// and SCALEKIT_CLIENT_SECRET. The banner of bearer-issuer prints these variables. The
// script prints each step that succeeds. At the first failure, it ends with exit status 1.
import assert from 'node:assert/strict';
import { Scalekit } from '@scalekit-sdk/node';

const { SCALEKIT_ENVIRONMENT_URL: url, SCALEKIT_CLIENT_ID: id, SCALEKIT_CLIENT_SECRET: secret } = process.env;
const scalekit = new Scalekit(url, id, secret);
const ok = (what) => console.log(`ok - ${what}`);

// assertRefused asserts that the promise is rejected with an SDK exception of this name.
async function assertRefused(promise, name, check = () => {}) {
  const error = await promise.then(() => assert.fail(`got no exception, want ${name}`), (error) => error);
  assert.equal(error.constructor.name, name, `${error.name}: ${error.message}`);
  check(error);
  return error;
}

// Organizations.
const { organization } = await scalekit.organization.createOrganization('Acme Corp', { externalId: 'tenant_7', metadata: { plan: 'free' } });
assert.match(organization.id, /^org_\d+$/);
assert.equal((await scalekit.organization.getOrganizationByExternalId('tenant_7')).organization.id, organization.id);
assert.equal((await scalekit.organization.updateOrganization(organization.id, { displayName: 'Acme' })).organization.displayName, 'Acme');
assert.ok((await scalekit.organization.listOrganization({ pageSize: 10 })).organizations.some((o) => o.id === organization.id));
await assertRefused(scalekit.organization.createOrganization('Twice', { externalId: 'tenant_7' }), 'ScalekitConflictException');
ok('organization: create, get, update, list');

// Create and fetch a client.
const created = await scalekit.m2m.createOrganizationClient(organization.id, {
  name: 'GitHub Actions Deployment Service',
  description: 'Service account for GitHub Actions',
  customClaims: { github_repository: 'acmecorp/inventory-service', environment: 'production_us' },
  audience: ['deployment-api.acmecorp.com'],
  scopes: ['deploy:applications', 'read:deployments'],
});
const clientId = created.client.clientId;
assert.match(clientId, /^m2morg_\d+$/);
assert.equal(created.plainSecret.slice(-4), created.client.secrets[0].secretSuffix);
assert.equal(created.client.expiry, 3600n);
const fetched = await scalekit.m2m.getOrganizationClient(organization.id, clientId);
assert.deepEqual(fetched.client, created.client);
ok('create client, get client');

// Client credentials.
const token = await scalekit.generateClientToken(clientId, created.plainSecret);
assert.equal(token.split('.').length, 3);
ok('client credentials');

// Validation: signature, issuer, audience and scopes.
const options = { issuer: url, audience: ['deployment-api.acmecorp.com'], requiredScopes: ['deploy:applications', 'read:deployments'] };
const claims = await scalekit.validateToken(token, options);
assert.equal(claims.sub, clientId);
assert.equal(claims.oid, organization.id);
assert.equal(claims.exp - claims.iat, 3600);
assert.deepEqual(claims.custom_claims, { github_repository: 'acmecorp/inventory-service', environment: 'production_us' });
assert.equal(await scalekit.validateAccessToken(token, options), true);
for (const wrong of [{ issuer: `${url}/` }, { audience: ['other'] }, { requiredScopes: ['deploy:all'] }]) {
  assert.equal(await scalekit.validateAccessToken(token, { ...options, ...wrong }), false);
}
const [header, payload, signature] = token.split('.');
const tampered = Buffer.from(JSON.stringify({ ...claims, scopes: ['deploy:all'] })).toString('base64url');
assert.equal(await scalekit.validateAccessToken([header, tampered, signature].join('.')), false);
assert.equal(payload.length > 0, true);
ok('validate');

// Scopes.
assert.equal(scalekit.verifyScopes(token, ['read:deployments']), true);
assert.throws(() => scalekit.verifyScopes(token, ['deploy:all']), { message: /Token missing required scopes: deploy:all/ });
await scalekit.m2m.updateOrganizationClient(organization.id, clientId, { scopes: ['read:deployments'] });
const narrowed = await scalekit.generateClientToken(clientId, created.plainSecret);
assert.deepEqual((await scalekit.validateToken(narrowed)).scopes, ['read:deployments']);
assert.equal((await scalekit.m2m.getOrganizationClient(organization.id, clientId)).client.name, 'GitHub Actions Deployment Service');
ok('scopes, update client');

// Rotate the secret.
const added = await scalekit.m2m.addOrganizationClientSecret(organization.id, clientId);
assert.equal(await scalekit.validateAccessToken(await scalekit.generateClientToken(clientId, added.plainSecret)), true);
await scalekit.m2m.removeOrganizationClientSecret(organization.id, clientId, created.client.secrets[0].id);
await assert.rejects(scalekit.generateClientToken(clientId, created.plainSecret), /401/);
assert.equal(await scalekit.validateAccessToken(await scalekit.generateClientToken(clientId, added.plainSecret)), true);
await assertRefused(scalekit.m2m.removeOrganizationClientSecret(organization.id, clientId, added.secret.id), 'ScalekitBadRequestException', (error) => {
  assert.match(error.message, /last client cannot be deleted/);
  assert.equal(error.errorCode, 'FAILED_PRECONDITION');
});
ok('rotate secret');

// Lists.
for (let n = 0; n < 11; n++) await scalekit.m2m.createOrganizationClient(organization.id, { name: `client ${n}` });
const seen = [];
let pageToken = '';
do {
  const page = await scalekit.m2m.listOrganizationClients(organization.id, { pageSize: 10, ...(pageToken && { pageToken }) });
  assert.equal(page.totalSize, 12);
  seen.push(...page.clients.map((client) => client.clientId));
  pageToken = page.nextPageToken;
} while (pageToken);
assert.equal(new Set(seen).size, 12);
assert.equal(seen.length, 12);
ok('list clients with page tokens');

// Errors name the field and the problem.
await assertRefused(scalekit.m2m.createOrganizationClient(organization.id, { name: 'x'.repeat(129) }), 'ScalekitBadRequestException', (error) => {
  assert.equal(error.httpStatus, 400);
  assert.equal(error.errorCode, 'INVALID_ARGUMENT');
  const [violation] = error.unpackedDetails[0].validationErrorInfo.fieldViolations;
  assert.equal(violation.field, 'client.name');
  assert.equal(violation.constraint, 'string.max_len');
});
await assertRefused(scalekit.m2m.getOrganizationClient('org_1', clientId), 'ScalekitNotFoundException');
await assertRefused(scalekit.user.getUser('usr_1'), 'ScalekitNotImplementedException');
await assert.rejects(new Scalekit(url, id, `${secret}x`).organization.listOrganization(), /401/);
ok('errors');

// Delete.
await scalekit.m2m.deleteOrganizationClient(organization.id, clientId);
await assertRefused(scalekit.m2m.getOrganizationClient(organization.id, clientId), 'ScalekitNotFoundException');
await assert.rejects(scalekit.generateClientToken(clientId, added.plainSecret), /401/);
await scalekit.organization.deleteOrganization(organization.id);
await assertRefused(scalekit.organization.getOrganization(organization.id), 'ScalekitNotFoundException');
ok('delete');

process.exit(0); // without this call, the open connection of the SDK keeps Node.js running
