"""The Python client of the protocol against a server as it is deployed: list, call, structured content, bad arguments, a
tool that the caller may not see. Arguments: the endpoint, and `auto` or `legacy`; the token is on standard input."""

import asyncio
import json
import sys

from mcp import Client
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client


async def main(url, mode, token):
    http = create_mcp_http_client(headers={"Authorization": f"Bearer {token}"})
    async with Client(streamable_http_client(url, http_client=http), mode=mode) as client:
        tools = (await client.list_tools()).tools
        called = await client.call_tool("principal_get", {})
        refused = await client.call_tool("run_list", {"limit": 0})
        try:
            await client.call_tool("run_heartbeat", {})
            hidden = "it was called"
        except Exception as error:  # what is raised is the client's affair
            hidden = str(error)
        resources = (await client.list_resources()).resources
        read = await client.read_resource(resources[0].uri)
        prompts = (await client.list_prompts()).prompts
        print(json.dumps({
            "version": str(client.protocol_version),
            "tools": [tool.name for tool in tools],
            "name": called.structured_content["name"],
            "text": json.loads(called.content[0].text)["name"],
            "refused": [refused.is_error, refused.structured_content["code"]],
            "hidden": hidden,
            "resource": json.loads(read.contents[0].text)["stage"],
            "prompts": [prompt.name for prompt in prompts],
        }))


asyncio.run(main(sys.argv[1], sys.argv[2], sys.stdin.readline().strip()))
