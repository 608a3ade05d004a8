"""What is seen of a supernet in training: what is alive, and what it weighs."""
