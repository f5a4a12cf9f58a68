"""Wire types and operations of observability: alerts and their events."""

DOMAINS = {"observability": "Alerts: say when runs fail, take too long, cost too much, or data gets stale."}
GROUPS = {
    "observability alert": "Alerts: a condition that is evaluated by the clock, and actions that run when it holds.",
    "observability event": "Events: what each evaluation of an alert has found.",
}
