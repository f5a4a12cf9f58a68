"""Wire types and operations of connection: integrations, connectors and datasets."""

DOMAINS = {"connection": "Connect services: integrations, and connectors with your credentials."}
GROUPS = {
    "connection connector": "Connectors: your accounts with services. Secrets are stored encrypted and never shown.",
    "connection custom-integration": "Custom integrations: services of your own, by a small protocol or an OpenAPI document.",
    "connection integration": "Integrations: the services that can be connected, and their actions.",
    "connection native-integration": "The native integration: actions that need no connector.",
}
