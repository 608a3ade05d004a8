"""Networks that enlarge pictures."""

from nni_nasplus.spaces.superresolution.space import SuperResolutionSpace

__all__ = ["SuperResolutionSpace"]
