"""A run directory, file by file: what lies where, how it is read and written, and who holds it."""
