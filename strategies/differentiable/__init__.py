"""Differentiable searches: α and the weights of a supernet are trained together, one method a file.

All are an :class:`~nni_nasplus.one_shot.differentiable.Differentiable`.
"""
