"""Language models: what they minimise and are measured by, and the mean of their weights over steps of training."""
