"""Data: prepared once into a cache, then read by Lightning data modules; a folder for each kind of data."""
