"""No experiment manager: this very process trains the trials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nni_nasplus._lazy import lazy

if TYPE_CHECKING:
    from nni_nasplus.hosts.process.host import ProcessHost

__all__ = ["ProcessHost"]

__getattr__ = lazy(__name__, {"ProcessHost": "host"})
