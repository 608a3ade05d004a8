"""NNI's dispatcher with its faults mended, for any tuner: ``python -m nni_nasplus.hosts.nni.dispatcher``."""

import runpy

from nni_nasplus.hosts.nni.dispatcher.repairs import repair_dispatcher

__all__: list[str] = []


def main() -> None:
    """Run what the patched manager starts instead of ``python -m nni``."""
    repair_dispatcher()
    runpy.run_module("nni", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
