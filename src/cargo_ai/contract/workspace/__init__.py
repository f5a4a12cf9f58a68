"""Wire types and operations of workspaces: users, roles, tokens, folders and the caller's own account."""

DOMAINS = {
    "user-management": "Your own account.",
    "workspace": "Manage the workspace: users, roles, tokens, folders and uploaded files.",
}
GROUPS = {
    "user-management user": "Your user: name and picture.",
    "workspace audit": "The audit log: every write, with who made it and from where.",
    "workspace bin": "The bin: removed models, plays, tools, segments and connectors, which can be restored.",
    "workspace file": "Files: upload a file, and list its columns.",
    "workspace file-multipart": "Large files: upload a file in parts.",
    "workspace folder": "Folders: group tools, plays, models and the like.",
    "workspace invitation": "Invitations: the links by which new members sign in.",
    "workspace permission": "Permissions: what the rules of roles and tokens name.",
    "workspace report": "Reports: problems and wishes, for those who run this server.",
    "workspace role": "Roles: the permissions of members, viewers and admins.",
    "workspace search": "Search: find things by name or uuid, and records by their id.",
    "workspace session": "Sessions: what coding agents did.",
    "workspace token": "API tokens: credentials of programs.",
    "workspace user": "Users: the members of this workspace and their roles.",
    "workspace workspace": "Workspaces: their names and settings.",
}
