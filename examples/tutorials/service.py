"""
From a winner to a service
==========================

A search has ended. What it found becomes a folder of files, which another process loads, with this package, or with
ONNX Runtime and nothing else.
"""

# %%
# A winner
# --------
#
# Any search will do; here two networks for the digits of scikit-learn, 500 of which are kept aside.

import tempfile
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from nni_nasplus import ImageClassifier

folder = Path(tempfile.mkdtemp())
digits = load_digits()
images = (digits.images * 255 / 16).astype(np.uint8)
classifier = ImageClassifier(
    space="nb201",
    size=8,
    trials=2,
    epochs=3,
    training={"flip": False, "batch_size": 32},
    search={"tail_minutes": 0.01},
    out=folder / "run",
    verbose=False,
)
classifier.fit(images[500:1100], digits.target[500:1100])
np.savez(folder / "new.npz", x=images[:500])

# %%
# Export
# ------
#
# In a terminal: ``nasplus export run --to model --single --onnx``. ``--single`` takes the best network alone, without
# it the whole ensemble is written, as ONNX too.

from nni_nasplus.run.model import Model
from nni_nasplus.run.run import Run

Model.of(Run.open(classifier.run_), what="winner").save(folder / "model", onnx=True)
for path in sorted((folder / "model").iterdir()):
    print(f"{path.stat().st_size:8,} {path.name}")

# %%
# ``README.md`` is a card: what the model is, how good, of which data, and how it was found.

print((folder / "model" / "README.md").read_text()[:700])

# %%
# With this package
# -----------------
#
# ``Model.load`` makes of the folder what scores new data as they come: files of any size are scaled, columns of
# tables are read as those of training were. It is what ``nasplus predict model --images new.npz`` does.

model = Model.load(folder / "model")
expected = model.predict(folder / "new.npz")
expected.head(3).round(3)

# %%
# With ONNX Runtime alone
# -----------------------
#
# Where torch is too large, ``model.onnx`` is the network and ``preprocessing.json`` what its inputs are normalised
# by. This is the whole of a program that scores an archive, a batch at a time:

(folder / "score.py").write_text("""
import json, sys, time
import numpy as np
import onnxruntime

model, archive, to = sys.argv[1:]
known = json.load(open(f"{model}/preprocessing.json"))
mean, std = (np.array(known[name], np.float32)[:, None, None] for name in ("mean", "std"))
session = onnxruntime.InferenceSession(f"{model}/model.onnx")
images = np.load(archive)["x"]
start, shares = time.perf_counter(), []
for batch in np.array_split(images, max(1, len(images) // 64)):
    (logits,) = session.run(None, {"input": (batch[:, None].astype(np.float32) - mean) / std})
    odds = np.exp(logits - logits.max(1, keepdims=True))
    shares.append(odds / odds.sum(1, keepdims=True))
seconds = time.perf_counter() - start
np.save(to, np.concatenate(shares))
print(f"{len(images)} images, {len(images) / seconds:,.0f} a second; torch is loaded: {'torch' in sys.modules}")
""")

import subprocess
import sys

command = [sys.executable, "score.py", "model", "new.npz", "shares.npy"]
print(subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout)

# %%
# It says what the package says, to the last digits of single precision:

shares = np.load(folder / "shares.npy")
float(np.abs(shares - expected.iloc[:, 1:].to_numpy()).max())

# %%
# A request at a time
# -------------------
#
# Whatever answers requests, Flask, FastAPI or the standard library, keeps the session and calls it. One image takes

import onnxruntime

session = onnxruntime.InferenceSession(folder / "model" / "model.onnx")
image = model.preprocessing.normalised(model.example()).numpy()


def answer() -> np.ndarray:
    """What a request would be answered."""
    return session.run(None, {"input": image})[0]


from timeit import repeat

print(f"{1000 * min(repeat(answer, number=50, repeat=3)) / 50:.2f} ms")

# %%
# What next
# ---------
#
# - Of texts and events the folder is the same. Their preprocessing is more than a mean, so let ``Model.load`` do it,
#   or write into your service what ``preprocessing.json`` says.
# - ``--distil`` makes one network of an ensemble, ``--refit`` trains on the validation examples too:
#   :doc:`/how_to/result`.
