"""The benchmarks: what the command line, the engine and the API cost on this machine, measured on real servers."""
