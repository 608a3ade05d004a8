"""Supernets trained by sampled paths and searched afterwards: one method a file.

All are a :class:`~nni_nasplus.one_shot.paths.Paths`.
"""
