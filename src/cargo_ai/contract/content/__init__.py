"""Content: files that agents search in, and the libraries that hold them."""

DOMAINS = {"content": "Files: what agents and workflows search in."}
GROUPS = {
    "content embedder": "The embedder: with one, files are found by their meaning as well as by their words.",
    "content file": "Files for agents: upload them, see whether they can be searched.",
    "content library": "Libraries: what files belong to.",
}
