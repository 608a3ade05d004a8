"""Recurrent cells as graphs, without torch: what NAS-Bench-NLP (arXiv 2006.07116) calls recipes, and their space."""
