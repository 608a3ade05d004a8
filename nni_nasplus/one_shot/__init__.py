"""A search inside one trial, on a network that holds all architectures: modules that Lightning fits."""
