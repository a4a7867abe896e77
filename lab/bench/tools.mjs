// What a tool costs when it is made with the TypeScript SDK, pg and jose: the peer of mcp-server.
//
//   node tools.mjs --database-url URL --public-key HEX --audience URL
//
// Checks the token's signature and row, the role's right, and reads one row; a server for each request, as the SDK's own
// example of a stateless server has it. Listens on a free port of loopback and prints it. Ends when its standard input does.
import { parseArgs } from "node:util";

import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import express from "express";
import { importJWK, jwtVerify } from "jose";
import pg from "pg";
import { z } from "zod";

const CONNECTIONS = 8;
const CHECKS = { issuer: "codex-k8s", typ: "at+jwt", algorithms: ["EdDSA"] };
const READS = ["repository_read", "run_read", "project_read"];
const MATRIX = new Map([
  ["viewer", new Set(READS)],
  ["contributor", new Set([...READS, "run_start"])],
  ["maintainer", new Set([...READS, "run_start", "run_cancel", "member_set"])],
]);
const TOKEN = {
  name: "token",
  text: `SELECT role, project_id, expires_at > now() AND revoked_at IS NULL AS counts FROM peer_tokens WHERE jti = $1`,
};
const REPOSITORY = {
  name: "repository",
  text: `SELECT * FROM peer_repositories WHERE repository_id = $1 AND project_id = $2`,
};

const { values: options } = parseArgs({
  options: { "database-url": { type: "string" }, "public-key": { type: "string" }, audience: { type: "string" } },
});
const x = Buffer.from(options["public-key"], "hex").toString("base64url");
const key = await importJWK({ kty: "OKP", crv: "Ed25519", x }, "EdDSA");
const pool = new pg.Pool({ connectionString: options["database-url"], max: CONNECTIONS });

async function prove(header) {
  const [scheme, token] = (header ?? "").split(" ");
  if (scheme.toLowerCase() !== "bearer") return undefined;
  try {
    const { payload } = await jwtVerify(token, key, { ...CHECKS, audience: options.audience });
    const { rows } = await pool.query({ ...TOKEN, values: [payload.jti] });
    return rows[0]?.counts ? rows[0] : undefined;
  } catch {
    return undefined;
  }
}

function serverOf(caller) {
  const server = new McpServer({ name: "peer", version: "1" });
  const shape = { description: "Reads one repository.", inputSchema: { repository_id: z.string() } };
  server.registerTool("repository_get", shape, async ({ repository_id }) => {
    if (!MATRIX.get(caller.role)?.has("repository_read")) return refused("forbidden");
    const { rows } = await pool.query({ ...REPOSITORY, values: [repository_id, caller.project_id] });
    if (!rows[0]) return refused("not_found");
    return { content: [{ type: "text", text: JSON.stringify(rows[0]) }], structuredContent: rows[0] };
  });
  return server;
}

const refused = (code) => ({ isError: true, content: [{ type: "text", text: code }] });

const app = express();
app.use(express.json());
app.post("/mcp", async (request, response) => {
  const caller = await prove(request.headers.authorization);
  if (!caller) return response.status(401).end();
  const server = serverOf(caller);
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined, enableJsonResponse: true });
  response.on("close", () => {
    transport.close();
    server.close();
  });
  await server.connect(transport);
  await transport.handleRequest(request, response, request.body);
});
const listening = app.listen(0, "127.0.0.1", () => console.log(listening.address().port));
process.stdin.on("end", () => process.exit(0)).resume();
