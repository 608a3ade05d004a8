"""
Your own text
=============

A text goes in, a language model comes out, and it says of any line how surprising it is. This page searches a recurrent
cell for a language that it makes up, so that we know beforehand how good a model can be.
"""

# %%
# A text
# ------
#
# Any plain text will do, a line for each sentence, song or message. In this one a noun and its verb agree: *the cat
# sees the dog*, but *the cats see the dog*. A model that counts words one by one cannot know that; one that remembers
# the noun can.

import tempfile
from math import exp, log
from pathlib import Path

import numpy as np

rng = np.random.default_rng(0)
folder = Path(tempfile.mkdtemp())
nouns, verbs = ["cat", "dog", "bird", "horse"], ["see", "like", "follow"]


def sentence() -> str:
    """Somebody does something to somebody else."""
    one, other, verb = rng.choice(nouns), rng.choice(nouns), rng.choice(verbs)
    return f"the {one}s {verb} the {other}" if rng.random() < 0.5 else f"the {one} {verb}s the {other}"


text = folder / "text.txt"
text.write_text("\n".join(sentence() for _ in range(2000)) + "\n")
print("\n".join(text.read_text().splitlines()[:3]))

# %%
# A sentence is five words and the end of its line, and chance decides the first noun and its number (8 ways), the
# verb (3) and the second noun (4). Nobody can say the next word with a *perplexity*, the number of words between
# which one hesitates, below

exp((log(8) + log(3) + log(4)) / 6)

# %%
# Search
# ------
#
# In a terminal these are the commands ``nasplus search …``; here they are called from Python, and what they tell of
# their progress is left out. ``--scale small`` takes small networks, and four trials are a taste.

from contextlib import redirect_stderr
from io import StringIO
from shlex import split

from nni_nasplus.cli import main


def nasplus(command: str) -> None:
    """Run a command of nasplus."""
    with redirect_stderr(StringIO()):
        main(split(command))


run = folder / "run"
nasplus(
    f"search --text {text} --scale small --embedding 16 --learning-rate 0.02 --batch-size 16 --bptt 12"
    f" --trials 4 --epochs 3 --tail-minutes 0.01 --baseline-trials 1 --host process --out {run}"
)

# %%
# The last table has the winner beside a GRU and an LSTM of as many weights, all on lines that no search has seen. All
# are better the longer they are trained; here each reads the text three times. A cell that explodes in training is a
# failed trial, with its reason.
#
# The winner
# ----------
#
# ``export`` writes the network, its vocabulary and a drawing of its cell, from the word ``x`` and the state before it
# to the state after it:

nasplus(f"export {run} --to {folder / 'model'}")

# %%
# Is a line surprising?
# ---------------------
#
# Ask it of a sentence, of one whose verb does not agree, and of the same words in disorder:

from nni_nasplus.run.model import Model

new = folder / "new.txt"
new.write_text("the cat sees the dog\nthe cat see the dog\nsees dog the the cat\n")
lines = Model.load(folder / "model").predict(new)
lines.assign(text=new.read_text().splitlines()).round(1)

# %%
# What next
# ---------
#
# - A text of your own: leave ``--epochs`` and the sizes out and give it twenty trials or more; ``--level character``
#   predicts letters.
# - ``--space darts-rnn`` searches the cells of DARTS in place of those of NAS-Bench-NLP.
# - :doc:`/how_to/text` has the rest, and :doc:`/how_to/report` the page that the search has left in its folder.
