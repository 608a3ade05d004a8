"""This room lets a strategy sample the trials of any study, whoever else works on it."""
