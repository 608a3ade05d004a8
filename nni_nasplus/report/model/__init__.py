"""The section about the model that is shipped: what it says of examples, beside the truth."""
