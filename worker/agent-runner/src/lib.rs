//! The program in the pod: an MCP client and git, nothing else.
