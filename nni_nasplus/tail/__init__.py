"""What follows the last trial: repeats with other seeds, baselines, and the ensemble that is shipped."""
