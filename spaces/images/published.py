"""The cells that papers found, by name.

DARTS (arXiv 1806.09055), PC-DARTS (1907.05737), P-DARTS (1904.12760) and GDAS (1910.04465) search the space of
:class:`~nni_nasplus.spaces.images.DartsSpace`; NASNet (1707.07012) and AmoebaNet (1802.01548) have five nodes and more
operations, so they can be built and are no members of it.
"""

from __future__ import annotations

from nni_nasplus.errors import UserError
from nni_nasplus.spaces.images.genotype import Genotype

__all__ = ["PUBLISHED", "named"]

PUBLISHED = {
    "DARTS_V1": "sep3~1,sep3~0|skip~0,sep3~1|skip~0,sep3~1|sep3~0,skip~2"
    "/max3~0,max3~1|skip~2,max3~0|max3~0,skip~2|skip~2,avg3~0",
    "DARTS_V2": "sep3~0,sep3~1|sep3~0,sep3~1|sep3~1,skip~0|skip~0,dil3~2"
    "/max3~0,max3~1|skip~2,max3~1|max3~0,skip~2|skip~2,max3~1",
    "PC_DARTS_cifar": "sep3~1,skip~0|sep3~0,dil3~1|sep5~0,sep3~1|avg3~0,dil3~1"
    "/sep5~1,max3~0|sep5~1,sep5~2|sep3~0,sep3~3|sep3~1,sep3~2",
    "PC_DARTS_image": "skip~1,sep3~0|sep3~0,skip~1|sep3~1,sep3~3|sep3~1,dil5~4"
    "/sep3~0,skip~1|dil5~2,max3~1|sep3~2,sep3~1|sep5~0,sep3~3",
    "PDARTS": "skip~0,dil3~1|skip~0,sep3~1|sep3~1,sep3~3|sep3~0,dil5~4"
    "/avg3~0,sep5~1|sep3~0,dil5~2|max3~0,dil3~1|dil3~1,dil5~3",
    "GDAS_V1": "skip~0,skip~1|skip~0,sep5~2|sep3~3,skip~0|sep5~4,sep3~3"
    "/sep5~0,sep3~1|sep5~2,sep5~1|dil5~2,sep3~1|sep5~0,sep5~1",
    "NASNet": "sep5~1,sep3~0|sep5~0,sep3~0|avg3~1,skip~0|avg3~0,avg3~0|sep3~1,skip~1"
    "/sep5~1,sep7~0|max3~1,sep7~0|avg3~1,sep5~0|skip~3,avg3~2|sep3~2,max3~1>4,5,6",
    "AmoebaNet": "avg3~0,max3~1|sep3~0,sep5~2|sep3~0,avg3~3|sep3~1,skip~1|skip~0,avg3~1>4,5,6"
    "/avg3~0,sep3~1|max3~0,sep7~2|sep7~0,avg3~1|max3~0,max3~1|conv7~0,sep3~5>3,4,6",
}


def named(text: str) -> Genotype:
    """A published genotype by its name, any other by its notation.

    Raises
    ------
    UserError
        If the text is no genotype; see :meth:`Genotype.parse`.
    """
    if text.isidentifier() and text not in PUBLISHED:
        raise UserError(f"unknown genotype '{text}'; published ones: {', '.join(PUBLISHED)}")
    return Genotype.parse(PUBLISHED.get(text, text))
