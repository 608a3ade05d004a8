"""The sections of a report about the trials: how they went, which are best, and what these share."""
