"""Write the Japanese Vowels as events.csv and labels.csv, tables like yours: python vowels.py [OUT]."""

import sys
from pathlib import Path

from nni_nasplus.data.events import japanese_vowels


def main(out: str = ".") -> None:
    events, labels, _ = japanese_vowels()
    events.to_csv(Path(out) / "events.csv", index=False)
    labels.to_csv(Path(out) / "labels.csv", index=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
