"""AI: agents, their releases, chats and messages."""

DOMAINS = {"ai": "Agents: language models with instructions, tools and data of the workspace."}
GROUPS = {
    "ai agent": "Create agents, change and remove them.",
    "ai chat": "Conversations with agents.",
    "ai mcp-client": "Look at external MCP servers, which agents may use.",
    "ai document": "Documents that agents and users write together, version by version.",
    "ai mcp-server": "Offer actions and data of the workspace to other programs, over MCP.",
    "ai message": "Send messages, and read what agents answer.",
    "ai template": "Templates of agents to start from.",
    "ai memory": "What agents have learned, and keep beyond a chat.",
    "ai vote": "What users think of answers.",
    "ai prompt": "Have a language model improve and judge instructions, and write JSON Schemas.",
    "ai suggested-action": "What a user could say next to an agent.",
    "ai release": "Versions of agents: edit the draft, deploy it.",
}
