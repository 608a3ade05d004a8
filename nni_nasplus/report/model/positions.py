"""How unsure a language model is of the next token, by how many it has read."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from nni_nasplus.report.charts import BLUE, chart
from nni_nasplus.training.text.positions import by_position

__all__ = ["positions"]


def positions(test: Mapping[str, float]) -> Markup | None:
    """A chart of the metrics on test tokens that are perplexities by position; None where there are fewer than two."""
    points = list(by_position(test))
    if len(points) < 2:
        return None
    with chart("Perplexity of the next token by tokens read before") as drawn:
        axes = drawn.axes
        places = range(len(points))
        axes.plot(places, [perplexity for _, perplexity in points], color=BLUE, marker="o", lw=1.8)
        axes.set_xticks(places, _named([bound for bound, _ in points]), fontsize=8)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("tokens read before")
        axes.set_ylabel("test perplexity")
    return drawn.markup


def _named(bounds: list[int]) -> list[str]:
    """What is counted together: ``0``, ``1–2``, ``3–9`` and so on; the last is open."""
    ends = [following - 1 for following in bounds[1:]]
    spans = [str(low) if low == high else f"{low:,}–{high:,}" for low, high in zip(bounds, ends, strict=False)]
    return [*spans, f"{bounds[-1]:,}+"]
