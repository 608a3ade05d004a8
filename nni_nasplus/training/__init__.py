"""Training one network: evaluators, what a trial leaves in its folder, and a module for each task."""
