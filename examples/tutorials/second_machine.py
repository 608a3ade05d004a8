"""
A second machine
================

One machine is too slow, and there is another. Two ways lead there: a folder that both see, or NNI over SSH.
"""

# %%
# A folder that both see
# ----------------------
#
# A search is a folder. A machine that sees it, by NFS or the like, and has this package, joins in with one command.
# Here the folder is a temporary one and the second machine another process; nothing else is different.

import random
import tempfile
from pathlib import Path

folder = Path(tempfile.mkdtemp())
draw_word = random.Random(0).choice
lines = [
    f"{draw_word(['we', 'they'])} {draw_word(['sing', 'read'])} {draw_word(['here', 'there'])}" for _ in range(400)
]
(folder / "text.txt").write_text("\n".join(lines))

# %%
# **On the first machine** a search begins as any other, with Optuna for a host: its workers take trials from a study,
# whose storage lies in the folder of the search.

import subprocess
import sys

run = folder / "run"
options = "--scale small --embedding 8 --batch-size 8 --epochs 1 --trials 6 --tail-minutes 0.01 --baseline-trials 1"
words = f"search --text text.txt {options} --host optuna --concurrency 1 --out {run}".split()
quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
first = subprocess.Popen([sys.executable, "-m", "nni_nasplus", *words], cwd=folder, **quiet)

# %%
# **On the second machine**, ``nasplus work run``, here as soon as the first trial has ended. It needs neither the
# data nor options, for all is in the folder; it trains what waits, and ends when nothing is left. Start as many of
# these as there are machines, whenever you like.

import time

from nni_nasplus.cli import main

while not list(run.glob("trials/*/model.safetensors")) and first.poll() is None:
    time.sleep(0.2)
main(["work", str(run)])
first.wait()

# %%
# Who trained what? TensorBoard's files are named after the machine and the process that wrote them. Each process has
# trained so many of the six:

from collections import Counter

boards = [path.name.split(".") for path in run.glob("trials/*/tensorboard/events.out.tfevents.*")]
sorted(Counter(name[-2] for name in boards).values())

# %%
# The journal of the search is one, and so is its result, which the first machine computes and any machine shows. This
# is the best cell:

from nni_nasplus.drawing.draw import draw
from nni_nasplus.run.run import Run

found = Run.open(run)
best = found.history().best[0]
draw(found.space.graph(best.architecture), folder / "cell.svg")
f"perplexity {best.score:.2f}"

# %%
# SQLite, the default, does not bear NFS: give the search ``--storage journal:/shared/run.log``, or a database that all
# machines reach, ``--storage postgresql+psycopg://…``. A worker that is killed costs nothing with a database: half a
# minute later another one takes its trial.
#
# NNI over SSH
# ------------
#
# Where no folder is shared, NNI starts trials over SSH and has their metrics sent back. The experiment of
# :doc:`nnictl` goes to two other machines by its configuration alone, and this package must be installed on each, in
# the environment that ``pythonPath`` names:

from nni.experiment.config import ExperimentConfig

for name, content in {"search_space.json": "{}", "key": ""}.items():
    (folder / name).write_text(content)
(folder / "remote.yml").write_text(f"""
searchSpaceFile: search_space.json
trialCommand: nasplus-python trial.py
trialConcurrency: 2
maxTrialNumber: 8
tuner:
  name: NasPlus
  classArgs: {{strategy: evolution, optimize_mode: maximize}}
nniManagerIp: 10.0.0.1
trainingService:
  platform: remote
  machineList:
    - {{host: 10.0.0.11, user: me, sshKeyFile: {folder}/key, pythonPath: /home/me/nasplus/bin}}
    - {{host: 10.0.0.12, user: me, sshKeyFile: {folder}/key, pythonPath: /home/me/nasplus/bin}}
""")
config = ExperimentConfig.load(folder / "remote.yml")
[f"{machine.user}@{machine.host}" for machine in config.training_service.machine_list]

# %%
# There are no such machines when this page is made, so it stops here. Yours are reached by ``nasplus nnictl --bind
# 10.0.0.1 create --config remote.yml``; the web UI stays on this machine and shows the trials of all.
#
# What next
# ---------
#
# - ``examples/remote`` in the repository says what travels to the machines and what stays where it is.
# - A machine whose cable is cut is dropped within a minute, and what it was training is tried again on another:
#   :doc:`/how_to/nni`, and :doc:`/concepts/guarantees` for what is promised.
