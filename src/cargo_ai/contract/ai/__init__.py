"""AI: agents, their releases, chats and messages."""

DOMAINS = {"ai": "Agents: language models with instructions, tools and data of the workspace."}
GROUPS = {
    "ai agent": "Create agents, change and remove them.",
    "ai chat": "Conversations with agents.",
    "ai message": "Send messages, and read what agents answer.",
    "ai template": "Agents to start from.",
    "ai release": "Versions of agents: edit the draft, deploy it.",
}
