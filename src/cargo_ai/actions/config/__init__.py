"""What the configs of native actions have in common: schemas, numbers, typed variables, code."""
