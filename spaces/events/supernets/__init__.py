"""Supernets of event sequences: of the encoder's operations, all computed; and of every decision, path by path."""
