"""Traces: what this server's processes send to an OpenTelemetry collector, where one is named."""
