"""What concerns NNI's own command: strategies known to it by name, and it with managers that are right."""
