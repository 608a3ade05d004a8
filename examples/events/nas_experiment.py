"""The same search through NNI's NasExperiment: python nas_experiment.py [PORT]."""

import sys
from pathlib import Path

from nni_nasplus.data.events import EventDataModule, japanese_vowels, prepare
from nni_nasplus.hosts.nni import NasExperiment, NasStrategy
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.strategies import AgingEvolution
from nni_nasplus.training.events import EventClassification

CACHE = Path("cache/japanese_vowels")


def main(port: int) -> None:
    events, labels, columns = japanese_vowels()
    prepare(events, labels, **columns, out=CACHE)
    space = EventSequenceSpace(**EventDataModule(CACHE).shape.to_json())
    evaluator = EventClassification(str(CACHE), objective="accuracy", epochs=4)
    strategy = NasStrategy(AgingEvolution(population_size=4, sample_size=2), seed=0)

    experiment = NasExperiment(space, evaluator, strategy)
    experiment.config.max_trial_number = 8
    experiment.config.trial_concurrency = 2
    experiment.run(port)
    for architecture in experiment.export_top_models(top_k=3, formatter="dict"):
        sys.stdout.write(f"{space.genotype(architecture)}\n")
    experiment.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 8080)
