"""What networks cost: latencies by a table of their parts, and the expected cost of mixtures and of routes."""
