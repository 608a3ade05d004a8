"""
nnictl and the web UI
=====================

You have an NNI experiment, or want one: a search space, a trial of your own, ``nnictl``. This page lets a strategy of
this package propose in it, and looks at its web UI.
"""

# %%
# Three files
# -----------
#
# A *trial* is a program that asks NNI for an architecture and reports what it reached. Anything may be trained in it;
# here it is a network of scikit-learn.

import tempfile
from pathlib import Path

folder = Path(tempfile.mkdtemp())
(folder / "trial.py").write_text("""
import warnings
import nni
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_score
from sklearn.neural_network import MLPClassifier

warnings.simplefilter("ignore")
x, y = load_digits(return_X_y=True)
found = nni.get_next_parameter()
widths = [found[name] for name in ("width_1", "width_2") if name in found]
network = MLPClassifier(widths, activation=found["activation"], max_iter=20, random_state=0)
nni.report_final_result(cross_val_score(network, x[:600] / 16, y[:600], cv=3).mean())
""")

# %%
# The *search space* is NNI's, with one word more: ``_when`` says under which choices a decision counts. The second
# width is there only where there are two layers, and so no network is trained twice under two names.

import json

space = {
    "layers": {"_type": "choice", "_value": [1, 2]},
    "activation": {"_type": "choice", "_value": ["relu", "tanh"]},
    "width_1": {"_type": "choice", "_value": [8, 16, 32, 64]},
    "width_2": {"_type": "choice", "_value": [8, 16, 32, 64], "_when": {"layers": [2]}},
}
(folder / "search_space.json").write_text(json.dumps(space))

# %%
# The *configuration* names both, and the tuner, which has any strategy of this package. ``nasplus-python`` is Python,
# but trials start at once.

(folder / "nnictl.yml").write_text("""
experimentName: digits
searchSpaceFile: search_space.json
trialCommand: nasplus-python trial.py
trialConcurrency: 2
maxTrialNumber: 6
tuner:
  name: NasPlus
  classArgs: {strategy: evolution, optimize_mode: maximize, population_size: 4, sample_size: 2}
trainingService: {platform: local}
""")

# %%
# Run it
# ------
#
# ``nasplus register`` tells NNI of the tuner, once for each installation. ``nasplus nnictl`` is ``nnictl`` with
# repairs; see :doc:`/how_to/nni`. So that this page leaves nothing behind, NNI's own folders are put below that of
# the page.

import os
import subprocess

environment = {**os.environ, "HOME": str(folder), "NNI_CONFIG_DIR": str(folder / "config")}


def terminal(command: str) -> str:
    """What a command prints in a terminal."""
    words = command.split()
    done = subprocess.run(words, cwd=folder, env=environment, check=True, capture_output=True, text=True)
    return done.stdout


print(terminal("nasplus register"))

# %%
# ``create`` starts NNI's manager, which serves the web UI and goes on by itself until it is told to stop. So the page
# asks it, as the web UI does, whether all trials are done.

import socket
import time

import requests

with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]


def ask(resource: str) -> dict[str, str]:
    """A resource of NNI's manager."""
    return requests.get(f"http://127.0.0.1:{port}/api/v1/nni/{resource}", timeout=10).json()


terminal(f"nasplus nnictl create --config nnictl.yml --port {port}")
try:
    while ask("check-status")["status"] not in ("DONE", "ERROR"):
        time.sleep(0.5)
    status = ask("check-status")["status"]
finally:
    terminal(f"nasplus nnictl stop --port {port}")
status

# %%
# Results
# -------
#
# The tuner has kept its journal in the experiment's folder; it is what ``resume`` goes on from.

from nni_nasplus import Journal

history = Journal.read(next(folder.glob("nni-experiments/*/nasplus/journal.jsonl"))).history
for trial in history.best[:3]:
    print(f"{trial.score:.3f}", trial.architecture)

# %%
# What next
# ---------
#
# - Leave the manager running and open ``http://127.0.0.1:8080``, or the port that you gave ``create``: the overview
#   has the best trials, and the page of trials compares them, decision by decision. It has no password and listens on
#   this machine only.
# - A search that ``nasplus search`` ran on NNI, the default, is opened again by ``nasplus ui runs/vowels``. This is
#   one of event sequences: an axis for each thing that its space tells of an architecture, a line for each trial, the
#   best dark.
#
#   .. image:: ../webui.png
#      :alt: The web UI: trials compared by what their space names, and their results
#      :class: drawing
#
# - ``nasplus nnictl resume ID`` goes on after a crash and trains nothing twice. :doc:`/how_to/nni` has NNI's own NAS
#   loop, ``NasExperiment``, :doc:`second_machine` the way to other machines.
