"""The kernel: what every other package builds on. It knows no domain, no database and no HTTP."""
