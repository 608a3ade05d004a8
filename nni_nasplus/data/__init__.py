"""This room prepares data once into a cache, which all trials read; each kind of data has a folder."""
