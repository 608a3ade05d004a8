"""Subcommands that make other networks of what a search found."""
