//! The platform's operations as MCP tools over streamable HTTP.
