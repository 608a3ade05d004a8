"""Differentiable searches whose steps draw the weights of operations."""
