"""Commands that sign in and out, and show who is signed in where."""
