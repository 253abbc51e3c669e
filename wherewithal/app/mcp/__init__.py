"""The MCP server: the same questions for assistants, in small answers with a link to the full one."""
