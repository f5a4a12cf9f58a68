"""Content: files that agents search in, and the libraries that hold them."""

DOMAINS = {"content": "Files: what agents and workflows search in."}
GROUPS = {
    "content file": "Files for agents: upload them, see whether they can be searched.",
    "content library": "Libraries: what files belong to.",
}
