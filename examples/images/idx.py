"""Turn the IDX files in which MNIST, Fashion-MNIST and others of the family are published into an archive.

python idx.py FOLDER OUT.npz  reads FOLDER/train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz and the two of t10k
"""

import gzip
import sys
from pathlib import Path

import numpy as np

PREFIXES = {"train": "train", "test": "t10k"}
KINDS = {"x": "images-idx3-ubyte.gz", "y": "labels-idx1-ubyte.gz"}
BYTES = 8
"""The number in the format of values of one byte."""


def read(path: Path) -> np.ndarray:
    """The array of a file: two zeros, the type, the number of axes, big-endian lengths of 4 bytes, the values."""
    content = gzip.decompress(path.read_bytes())
    if content[:3] != bytes([0, 0, BYTES]):
        raise SystemExit(f"{path} is no IDX file of bytes")
    axes = content[3]
    shape = np.frombuffer(content, ">u4", axes, 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)


def main(folder: str, out: str) -> None:
    arrays = {
        f"{kind}_{split}": read(Path(folder) / f"{prefix}-{name}")
        for split, prefix in PREFIXES.items()
        for kind, name in KINDS.items()
    }
    np.savez_compressed(out, **arrays)


if __name__ == "__main__":
    main(*sys.argv[1:])
