// This script connects to an MCP server with one of the two SDKs and calls the tool whoami. It
// passes only the URL of the server, the issuer and the credentials of the client to the SDK.
// The SDK finds the token endpoint through the challenge and the metadata.
const [name] = process.argv.slice(2);
const environment = process.env;

async function load() {
  if (name === '@modelcontextprotocol/client') {
    return await import('@modelcontextprotocol/client');
  }
  return {
    ...await import('@modelcontextprotocol/sdk/client/index.js'),
    ...await import('@modelcontextprotocol/sdk/client/streamableHttp.js'),
    ...await import('@modelcontextprotocol/sdk/client/auth-extensions.js'),
  };
}

const { Client, StreamableHTTPClientTransport, ClientCredentialsProvider } = await load();
const client = new Client({ name: 'agent', version: '1.0.0' });
await client.connect(new StreamableHTTPClientTransport(new URL(environment.RESOURCE), {
  authProvider: new ClientCredentialsProvider({
    clientId: environment.CLIENT_ID,
    clientSecret: environment.CLIENT_SECRET,
    expectedIssuer: environment.ISSUER,
  }),
}));
const result = await client.callTool({ name: 'whoami', arguments: {} });
console.log('whoami:', result.content[0].text);
await client.close();
