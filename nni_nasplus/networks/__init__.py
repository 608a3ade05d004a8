"""From an architecture to its network: spaces that build, supernets, costs, limits and export."""
