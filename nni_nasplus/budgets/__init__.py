"""Rules that stop what will not win: one file a rule, found by name as ``--budget NAME``."""
