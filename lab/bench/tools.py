"""What a tool costs when it is made with FastMCP, asyncpg and PyJWT: the peer of mcp-server.

    python3 tools.py --database-url URL --public-key HEX --audience URL

Checks the token's signature and row, the role's right, and reads one row. Listens on a free port of loopback and prints
it. Ends when its standard input does.
"""

import argparse
import asyncio
import os
import socket
import sys
import threading
from contextvars import ContextVar
from urllib.parse import parse_qs, urlsplit

import asyncpg
import jwt
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fastmcp import FastMCP
from fastmcp.exceptions import ToolError
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse

CONNECTIONS = 8
ISSUER = "codex-k8s"
READS = frozenset({"repository_read", "run_read", "project_read"})
MATRIX = {
    "viewer": READS,
    "contributor": READS | {"run_start"},
    "maintainer": READS | {"run_start", "run_cancel", "member_set"},
}
TOKEN = "SELECT role, project_id, expires_at > now() AND revoked_at IS NULL AS counts FROM peer_tokens WHERE jti = $1::uuid"
REPOSITORY = "SELECT * FROM peer_repositories WHERE repository_id = $1::uuid AND project_id = $2"

caller = ContextVar("caller")
opening = asyncio.Lock()
pool = None


async def reads():
    global pool
    async with opening:
        if pool is None:
            # A socket's folder stands in the query, where this driver does not look for it.
            folder = parse_qs(urlsplit(options.database_url).query).get("host", [None])[0]
            pool = await asyncpg.create_pool(
                options.database_url, host=folder, min_size=CONNECTIONS, max_size=CONNECTIONS
            )
    return pool


class Bearer:
    """Lets nobody in without a token that counts."""

    def __init__(self, app, key, audience):
        self.app, self.key, self.audience = app, key, audience

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        row = await self.prove(dict(scope["headers"]).get(b"authorization", b"").decode())
        if row is None:
            return await PlainTextResponse("no token that counts", status_code=401)(scope, receive, send)
        caller.set(row)
        await self.app(scope, receive, send)

    async def prove(self, header):
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            return None
        try:
            if jwt.get_unverified_header(token).get("typ") != "at+jwt":
                return None
            claims = jwt.decode(token, self.key, algorithms=["EdDSA"], audience=self.audience, issuer=ISSUER)
        except jwt.InvalidTokenError:
            return None
        row = await (await reads()).fetchrow(TOKEN, claims["jti"])
        return row if row and row["counts"] else None


mcp = FastMCP("peer")


@mcp.tool
async def repository_get(repository_id: str) -> dict:
    """Reads one repository."""
    row = caller.get()
    if "repository_read" not in MATRIX.get(row["role"], frozenset()):
        raise ToolError("forbidden")
    found = await (await reads()).fetchrow(REPOSITORY, repository_id, row["project_id"])
    if found is None:
        raise ToolError("not_found")
    return {name: value if value is None or isinstance(value, (str, int)) else str(value) for name, value in found.items()}


parser = argparse.ArgumentParser()
for name in ("--database-url", "--public-key", "--audience"):
    parser.add_argument(name, required=True)
options = parser.parse_args()
key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(options.public_key))
app = mcp.http_app(
    path="/mcp",
    stateless_http=True,
    json_response=True,
    middleware=[Middleware(Bearer, key=key, audience=options.audience)],
)
listener = socket.create_server(("127.0.0.1", 0))


def end_with_input():
    sys.stdin.read()
    os._exit(0)


threading.Thread(target=end_with_input, daemon=True).start()
print(listener.getsockname()[1], flush=True)
server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False))
asyncio.run(server.serve(sockets=[listener]))
