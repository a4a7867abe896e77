//! Tool inputs and outputs: the words the platform speaks over MCP.
