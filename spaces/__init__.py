"""Search spaces, a folder a family: cells, networks, supernets, and the plain networks that people use already."""
