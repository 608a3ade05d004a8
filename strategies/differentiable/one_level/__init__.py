"""Searches of one level: α and the weights are trained on the same batches."""
