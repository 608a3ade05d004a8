"""Learning from the best trials before: settings, loss, teachers, and their logits on disk."""
