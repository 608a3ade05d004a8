"""How long networks take on a device: measured part by part, predicted by sums, corrected on whole networks."""
