"""Wire types and operations of expressions: evaluation and recipes."""

DOMAINS = {"expression": "Expressions: try one before it goes into a workflow, and keep those that you use again."}
GROUPS = {
    "expression eval": "Expressions evaluated on their own, with variables that you give.",
    "expression recipe": "Recipes: expressions that are kept to be used again, in versions.",
    "expression favorite-recipe": "Recipes that you have marked.",
}
