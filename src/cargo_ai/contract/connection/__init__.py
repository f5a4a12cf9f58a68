"""Wire types and operations of connection: integrations, connectors and datasets."""

DOMAINS = {"connection": "Connect services: integrations, and your accounts with them."}
GROUPS = {
    "connection connector": "Connectors: your accounts with services. Their secrets go in and are never shown again.",
    "connection integration": "Integrations: the services that can be connected, and what each can do.",
    "connection native-integration": "The native integration: the steps that need no service.",
}
