"""What networks and supernets cost: latencies by a table of their parts, and the expected cost of mixtures and routes."""
