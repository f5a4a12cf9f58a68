# Written by tools/gen.py from the registry. Change the declaration in src/cargo_ai/contract instead.
