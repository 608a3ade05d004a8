"""Plain classifiers of images, to stand beside what a search finds."""
