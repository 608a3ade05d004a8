"""Write scikit-learn's 1,797 handwritten digits of 8×8 pixels as an archive: python digits.py [OUT.npz]."""

import sys

import numpy as np
from sklearn.datasets import load_digits

BRIGHTEST = 16


def main(out: str = "digits.npz") -> None:
    digits = load_digits()
    pixels = (digits.images * (255 / BRIGHTEST)).round().astype(np.uint8)
    np.savez_compressed(out, x_train=pixels, y_train=digits.target)


if __name__ == "__main__":
    main(*sys.argv[1:])
