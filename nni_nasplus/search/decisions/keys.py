"""Short names of architectures: of their trials' folders, and of what is known of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["Keys"]


class Keys:
    """Hashes of the architectures of a space, from their choices as JSON, which is written once.

    Parameters
    ----------
    decisions
        Choices by decision name.
    """

    def __init__(self, decisions: Mapping[str, Sequence[Any]]) -> None:
        self._written = {
            name: {choice: json.dumps([name, choice], ensure_ascii=True) for choice in choices}
            for name, choices in decisions.items()
        }

    def of(self, canonical: Mapping[str, Any]) -> str:
        """16 hexadecimal digits of an architecture in canonical form, whose order counts."""
        pairs = ", ".join([self._written[name][choice] for name, choice in canonical.items()])
        return hashlib.blake2b(f"[{pairs}]".encode(), digest_size=8).hexdigest()
