"""Controllers: a policy proposes architectures, and what they reach moves it (NAS-RL, arXiv 1611.01578).

Policies are numpy's, so that NNI's tuner may import them.
"""
