"""Wire types and operations of billing: what was used, and what may be used."""

DOMAINS = {"billing": "What your workflows use and cost, budgets, the subscription and invoices."}
GROUPS = {
    "billing budget": "Budgets: how many credits the workspace may use.",
    "billing subscription": "The subscription: credits, top-ups, invoices and the card.",
    "billing usage": "Usage: credits, executions and records by day.",
}
