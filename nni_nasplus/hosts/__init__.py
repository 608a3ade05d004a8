"""Hosts: the experiment managers that run trials, a folder each; the rest of the package knows none of them."""
