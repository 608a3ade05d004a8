"""NNI's dispatcher, the process that a tuner runs in: its faults mended, and whether a tuner can start at all."""
