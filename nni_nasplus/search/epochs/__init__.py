"""How far trials are trained: budgets and their rules, and what makes scores of different epochs comparable."""
