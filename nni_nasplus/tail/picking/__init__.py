"""Networks for a budget out of a trained supernet, without training them."""
