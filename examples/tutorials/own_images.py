"""
Your own images
===============

A folder of pictures goes in, a classifier comes out: a search for a convolutional network, by scikit-learn's
conventions, and a look at the pictures that it gets wrong.
"""

# %%
# A folder
# --------
#
# Pictures lie in a folder for each class, in any format and size. These are handwritten digits that scikit-learn
# brings along, of 8×8 pixels; a third of them is kept aside as ``new``.

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

folder = Path(tempfile.mkdtemp())
digits = load_digits()
pixels = (digits.images * 255 / 16).astype(np.uint8)
for number, label in enumerate(digits.target[:900]):
    path = folder / ("known" if number < 600 else "new") / str(label) / f"{number}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels[number]).save(path)


def side_by_side(images: np.ndarray) -> Image.Image:
    """Images [N, S, S] in a row, five times as large."""
    row = Image.fromarray(np.hstack(list(images)))
    return row.resize((5 * row.width, 5 * row.height), Image.Resampling.NEAREST)


side_by_side(pixels[:16]).save(folder / "digits.png")

# %%
# Search
# ------
#
# ``nb201`` is the space of NAS-Bench-201: which of five operations stands on each of the six arcs of a cell. Three
# trials of three epochs are a taste. ``flip`` mirrors pictures in training, which does digits no good.

from nni_nasplus import ImageClassifier

classifier = ImageClassifier(
    space="nb201",
    size=8,
    trials=3,
    epochs=3,
    training={"flip": False, "batch_size": 32},
    search={"tail_minutes": 0.01},
    out=folder / "run",
    verbose=False,
)
classifier.fit(folder / "known")
classifier.history_[["architecture", "score", "parameters", "seconds"]]

# %%
# What was found
# --------------
#
# The cell of the best trial. Its arcs go from the input to the output; an arc without an operation is not drawn.

from nni_nasplus.drawing.draw import draw
from nni_nasplus.run.run import Run

run = Run.open(classifier.run_)
draw(run.space.graph(run.history().best[0].architecture), folder / "cell.svg")

# %%
# After the last trial a ResNet and gradient boosting were trained on the very same pictures, and whatever does best
# together answers. These are its members:

[member.name for member in classifier.model_.members]

# %%
# New pictures
# ------------
#
# ``score`` is the share of those kept aside that are read rightly, ``predict`` takes files, folders and arrays.

new = sorted((folder / "new").rglob("*.png"))
read = classifier.predict(new)
print(f"{classifier.score(folder / 'new'):.1%} of {len(new)} are right")

# %%
# And the first that are not, with what they were taken for:

wrong = [place for place, path in enumerate(new) if read[place] != path.parent.name][:16]
side_by_side(np.stack([np.asarray(Image.open(new[place])) for place in wrong])).save(folder / "wrong.png")
" ".join(read[wrong])

# %%
# What next
# ---------
#
# - Leave ``epochs`` out, let ``size`` be that of your pictures, and give it twenty trials: some minutes on two cores.
# - ``report.html`` in the folder of ``out`` has the learning curves, the confusions and the surest mistakes.
# - :doc:`/how_to/images` has the command line and the sizes of the papers, :doc:`service` ships what was found.
