"""The wire of expressions: one evaluated on its own."""

ROOMS = {"expression": "Expressions: try one before it goes into a workflow."}
GROUPS = {"expression eval": "Expressions evaluated on their own, with variables that you give."}
