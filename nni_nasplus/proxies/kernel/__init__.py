"""The kernel of a network whose examples do not depend on each other, by one backward pass over all of them.

A layer with weights that torch does not have brings its own rule, as the methods that
:mod:`~nni_nasplus.proxies.kernel.gradient_rules` names.
"""

from nni_nasplus.proxies.kernel.example_gradients import ExampleGradients

__all__ = ["ExampleGradients"]
