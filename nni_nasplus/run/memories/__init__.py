"""Published searches as memories, by the names that ``--learn-from`` takes."""
