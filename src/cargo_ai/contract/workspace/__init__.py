"""Wire types and operations of workspaces: users, roles, tokens, folders and the caller's own account."""

DOMAINS = {
    "user-management": "Your own account, in whatever workspace.",
    "workspace": "Run the workspace: its users, roles, tokens, folders and uploaded files.",
}
GROUPS = {
    "user-management user": "You: your name and picture.",
    "workspace file": "Files: upload a file for a batch, and look at its columns.",
    "workspace file-multipart": "Large files: upload a file in parts.",
    "workspace folder": "Folders: where tools, plays, agents and the like are filed.",
    "workspace role": "Roles: what members, viewers and others may do.",
    "workspace token": "API tokens: make one for each program, remove it when you no longer need it.",
    "workspace user": "Users: who works in this workspace, and in which role.",
    "workspace workspace": "Workspaces: their names and settings.",
}
