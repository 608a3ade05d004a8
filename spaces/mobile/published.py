"""Networks that papers found, by name, at their published widths.

Each has the parameters, and to its rounding the multiply-adds, that its paper or its public code gives; the tests say
which. FBNet-A and FBNet-B have grouped 1×1 convolutions, which no block here has, and are left out.
"""

from __future__ import annotations

from nni_nasplus.errors import UserError
from nni_nasplus.spaces.mobile.genotype import MobileGenotype

__all__ = ["PUBLISHED", "named"]


def _stages(*stages: tuple[str, int, int, int]) -> str:
    """Stages of equal blocks: operation, channels, stride of the first block, and how many."""
    words = [
        f"{operation}:{channels}" + f"/{stride}" * (stride > 1 and not number)
        for operation, channels, stride, count in stages
        for number in range(count)
    ]
    return " ".join(words)


PUBLISHED: dict[str, str] = {
    # arXiv 1801.04381, table 2
    "MobileNetV2": "32 "
    + _stages(
        ("sep_3x3", 16, 1, 1),
        ("mb6_3x3", 24, 2, 2),
        ("mb6_3x3", 32, 2, 3),
        ("mb6_3x3", 64, 2, 4),
        ("mb6_3x3", 96, 1, 3),
        ("mb6_3x3", 160, 2, 3),
        ("mb6_3x3", 320, 1, 1),
    )
    + " 1280",
    # arXiv 1807.11626, figure 7
    "MnasNet-A1": "32 "
    + _stages(
        ("sep_3x3", 16, 1, 1),
        ("mb6_3x3", 24, 2, 2),
        ("mb3_5x5_se", 40, 2, 3),
        ("mb6_3x3", 80, 2, 4),
        ("mb6_3x3_se", 112, 1, 2),
        ("mb6_5x5_se", 160, 2, 3),
        ("mb6_3x3", 320, 1, 1),
    )
    + " 1280",
    "MnasNet-B1": "32 "
    + _stages(
        ("sep_3x3", 16, 1, 1),
        ("mb3_3x3", 24, 2, 3),
        ("mb3_5x5", 40, 2, 3),
        ("mb6_5x5", 80, 2, 3),
        ("mb6_3x3", 96, 1, 2),
        ("mb6_5x5", 192, 2, 4),
        ("mb6_3x3", 320, 1, 1),
    )
    + " 1280",
    # arXiv 1812.00332, figure 4
    "ProxylessNAS-mobile": "32 sep_3x3:16 mb3_5x5:32/2 mb3_3x3:32 mb3_7x7:40/2 mb3_3x3:40 mb3_5x5:40 mb3_5x5:40 "
    "mb6_7x7:80/2 mb3_5x5:80 mb3_5x5:80 mb3_5x5:80 mb6_5x5:96 mb3_5x5:96 mb3_5x5:96 mb3_5x5:96 "
    "mb6_7x7:192/2 mb6_7x7:192 mb3_7x7:192 mb3_7x7:192 mb6_7x7:320 1280",
    "ProxylessNAS-cpu": "40 sep_3x3:24 mb6_3x3:32/2 mb3_3x3:32 mb3_3x3:32 mb3_3x3:32 mb6_3x3:48/2 mb3_3x3:48 "
    "mb3_3x3:48 mb3_5x5:48 mb6_3x3:88/2 mb3_3x3:88 mb6_5x5:104 mb3_3x3:104 mb3_3x3:104 mb3_3x3:104 "
    "mb6_5x5:216/2 mb3_5x5:216 mb3_5x5:216 mb3_3x3:216 mb6_5x5:360 1432",
    "ProxylessNAS-gpu": "40 sep_3x3:24 mb3_5x5:32/2 mb3_7x7:56/2 mb3_3x3:56 mb6_7x7:112/2 mb3_5x5:112 mb6_5x5:128 "
    "mb3_3x3:128 mb3_5x5:128 mb6_7x7:256/2 mb6_7x7:256 mb6_7x7:256 mb6_5x5:256 mb6_7x7:432 1728",
    # arXiv 1812.03443, figure 5
    "FBNet-C": "16 mb1_3x3:16 mb6_3x3:24/2 mb1_3x3:24 mb1_3x3:24 mb6_5x5:32/2 mb3_5x5:32 mb6_5x5:32 mb6_3x3:32 "
    "mb6_5x5:64/2 mb3_5x5:64 mb6_5x5:64 mb6_5x5:64 mb6_5x5:112 mb6_5x5:112 mb6_5x5:112 mb3_5x5:112 "
    "mb6_5x5:184/2 mb6_5x5:184 mb6_5x5:184 mb6_5x5:184 mb6_3x3:352 1984",
}


def named(text: str) -> MobileGenotype:
    """A published network by its name, any other by its notation.

    Raises
    ------
    UserError
        If the text is neither.
    """
    if " " not in text.strip() and text not in PUBLISHED:
        raise UserError(f"unknown network '{text}'; published ones: {', '.join(PUBLISHED)}")
    return MobileGenotype.parse(PUBLISHED.get(text, text))
