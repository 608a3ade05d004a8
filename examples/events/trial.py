"""One trial of the experiment in nnictl.yml: Japanese vowels told apart by nine speakers' sequences."""

from pathlib import Path

from nni_nasplus.data.events import EventDataModule, japanese_vowels, prepare
from nni_nasplus.hosts.nni import run_trial
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.training.events import EventClassification

CACHE = Path("cache/japanese_vowels")


def main() -> None:
    events, labels, columns = japanese_vowels()
    prepare(events, labels, **columns, out=CACHE, progress=False)
    space = EventSequenceSpace(**EventDataModule(CACHE).shape.to_json())
    run_trial(space, EventClassification(str(CACHE), objective="accuracy", epochs=4))


if __name__ == "__main__":
    main()
