"""
Optuna with four workers
========================

Four processes share one study, and each asks the strategies of this package what to train next. None repeats what
another has trained, and all learn from all.
"""

# %%
# A worker
# --------
#
# A worker is a program of its own, so that it may run four times, on one machine or on four. Nothing in it says that
# there are others: the space, an objective, a study in a storage that all reach, and a sampler.

import tempfile
from pathlib import Path

folder = Path(tempfile.mkdtemp())
(folder / "worker.py").write_text("""
import os, sys, warnings
import optuna
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_score
from sklearn.neural_network import MLPClassifier
from nni_nasplus import SearchSpace
from nni_nasplus.hosts.optuna import NasSampler, suggest
from nni_nasplus.strategies import ThompsonSampling

decisions = {"activation": ["relu", "tanh", "logistic"], "layers": [1, 2, 3]}
decisions |= {f"width_{layer}": [4, 8, 16, 32, 64] for layer in (1, 2, 3)}
space = SearchSpace(decisions, {"width_2": {"layers": [2, 3]}, "width_3": {"layers": [3]}})
x, y = load_digits(return_X_y=True)

def accuracy(trial):
    found = suggest(trial, space)
    trial.set_user_attr("worker", int(sys.argv[1]))
    widths = [found[f"width_{layer}"] for layer in range(1, found["layers"] + 1)]
    network = MLPClassifier(widths, activation=found["activation"], max_iter=8, random_state=0)
    return cross_val_score(network, x[:600] / 16, y[:600], cv=3).mean()

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = NasSampler(ThompsonSampling(n_initial=8), space, seed=0)
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend("study.log"))
    study = optuna.create_study(
        study_name="digits", storage=storage, sampler=sampler, direction="maximize", load_if_exists=True
    )
    study.optimize(accuracy, n_trials=6)
""")

# %%
# There are 465 architectures, for the width of a layer counts only where there is that layer. ``NasSampler`` makes
# any strategy of this package a sampler of Optuna, and ``suggest`` turns a trial into an architecture. The storage
# here is a file; it may as well be ``sqlite:///study.db`` or PostgreSQL.
#
# Four of them
# ------------
#
# In a terminal: ``for n in 1 2 3 4; do python worker.py $n & done; wait``.

import subprocess
import sys

workers = [subprocess.Popen([sys.executable, "worker.py", str(number)], cwd=folder) for number in (1, 2, 3, 4)]
[worker.wait() for worker in workers]

# %%
# What they did
# -------------
#
# The study has it all: whoever opens the storage sees the same.

import optuna

storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(folder / "study.log")))
study = optuna.load_study(study_name="digits", storage=storage)
trials = study.trials_dataframe(attrs=("number", "value", "params", "user_attrs"))
trials.columns = trials.columns.str.removeprefix("params_").str.removeprefix("user_attrs_")
trials.sort_values("value", ascending=False).head(5).fillna("")

# %%
# Each worker has trained its share, and no architecture was trained twice:

print(trials.groupby("worker").size().to_dict())
print(f"{len({str(trial.params) for trial in study.trials})} architectures in {len(study.trials)} trials")

# %%
# A picture
# ---------
#
# How far the best so far is from the best of the study, trial by trial, as the package draws it of any searches that
# are to be compared; here there is one.

import numpy as np

from nni_nasplus.replay.curves import draw_curves

best = np.maximum.accumulate([trial.value for trial in study.trials])
draw_curves({"four workers": {"thompson": (best.max() - best)[None]}}, folder / "curve.svg", ours=["thompson"])

# %%
# What next
# ---------
#
# - Start a fifth worker whenever you like, or end one: the study goes on. One that comes back goes on where the study
#   is.
# - ``optuna-dashboard`` shows the study in a browser, and Optuna's own plots take it as any other.
# - With ``nasplus search --host optuna`` the package brings objective, data and space as well: :doc:`second_machine`.
#   :doc:`/how_to/optuna` has the rest.
