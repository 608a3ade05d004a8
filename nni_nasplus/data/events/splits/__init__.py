"""Who trains, validates and tests, and who is held out of which fold."""
