"""The engine: graphs, the pure interpreter, the journal and the driver that walks records durably through a graph."""
