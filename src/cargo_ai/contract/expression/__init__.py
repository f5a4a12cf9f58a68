"""Wire types and operations of expressions: evaluation and recipes."""

DOMAINS = {"expression": "Expressions: evaluate them outside of a workflow, and store them as recipes."}
GROUPS = {
    "expression eval": "Evaluate an expression with given variables.",
    "expression recipe": "Recipes: reusable, versioned expressions.",
    "expression favorite-recipe": "Your favorite recipes.",
}
