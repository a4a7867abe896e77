// What a receiver of webhooks costs when it is made of @octokit/webhooks: the peer of the gateway.
//
//   node peer.mjs --secret-file FILE                        checks the signature, parses, dispatches; keeps nothing
//   node peer.mjs --secret-file FILE --database-url URL     also keeps GUID and raw body, committed, before it answers
//
// Listens on a free port of loopback and prints it. Ends when its standard input does.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { parseArgs } from "node:util";

import { Webhooks, createNodeMiddleware } from "@octokit/webhooks";
import pg from "pg";

const CONNECTIONS = 8;
const KEEP = {
  name: "keep",
  text: `INSERT INTO peer_deliveries (guid, event, body) VALUES ($1, $2, $3) ON CONFLICT (guid) DO NOTHING`,
};

const { values: options } = parseArgs({
  options: { "secret-file": { type: "string" }, "database-url": { type: "string" } },
});
const webhooks = new Webhooks({ secret: readFileSync(options["secret-file"], "utf8").trim() });
const receive = createNodeMiddleware(webhooks, { path: "/webhooks/github" });

const server = createServer(options["database-url"] ? await durable(options["database-url"]) : inMemory());
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.on("end", () => process.exit(0)).resume();

function inMemory() {
  let numbers = 0;
  // Reads something, so that the parsed payload is used.
  webhooks.on("issues.labeled", ({ payload }) => {
    numbers += payload.issue.number;
  });
  return receive;
}

/** The library hands out what it parsed, so the raw body is read before it and kept until the handler asks. */
async function durable(connectionString) {
  const pool = new pg.Pool({ connectionString, max: CONNECTIONS });
  await pool.query(
    `CREATE TABLE IF NOT EXISTS peer_deliveries
       (guid text PRIMARY KEY, event text NOT NULL, body bytea NOT NULL, received_at timestamptz NOT NULL DEFAULT now())`,
  );
  const bodies = new Map();
  webhooks.onAny(async ({ id, name }) => {
    await pool.query({ ...KEEP, values: [id, name, bodies.get(id)] });
  });
  return (request, response) => {
    const pieces = [];
    request.on("data", (piece) => pieces.push(piece));
    request.on("end", async () => {
      const guid = request.headers["x-github-delivery"];
      request.rawBody = Buffer.concat(pieces);
      request.body = {};
      bodies.set(guid, request.rawBody);
      try {
        await receive(request, response);
      } finally {
        bodies.delete(guid);
      }
    });
  };
}
