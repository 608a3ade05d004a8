"""
Your own events
===============

A table of events and a table of labels go in, a classifier comes out: a search in a notebook, by scikit-learn's
conventions.
"""

# %%
# Two tables
# ----------
#
# Events have an id, a time and whatever else is known of each; labels have the same id and a class. Here customers of a
# shop are made up: those who are loyal buy at shop *a* more and more often, and the amounts that they spend grow.

import numpy as np
import pandas as pd

rng = np.random.default_rng(0)
customers = 150
loyal = rng.integers(0, 2, customers)
purchases = rng.integers(4, 13, customers)
customer = np.repeat(np.arange(customers), purchases)
place = np.concatenate([np.arange(count) for count in purchases])
favourite = (loyal[customer] == 1) & (rng.random(len(customer)) < 0.1 * place)
events = pd.DataFrame(
    {
        "customer": customer,
        "day": rng.integers(0, 30, len(customer)) + 30 * place,
        "shop": np.where(favourite, "a", rng.choice(["a", "b", "c"], len(customer))),
        "amount": np.round(rng.gamma(2, 10, len(customer)) * (1 + 0.05 * place * loyal[customer]), 2),
    }
)
labels = pd.Series(np.where(loyal, "loyal", "passing"), index=np.arange(customers), name="kind")
events.head()

# %%
# Search
# ------
#
# ``fit`` looks at the columns, splits the customers, trains networks that a strategy proposes, and keeps the best.
# Four trials of two epochs take seconds and find little; leave ``epochs`` out and give it twenty or more trials for
# a search in earnest. ``max_parameters`` keeps networks out that are larger than the data deserve.

from nni_nasplus import EventClassifier

classifier = EventClassifier(
    id="customer",
    time="day",
    trials=4,
    epochs=2,
    objective="roc_auc",
    training={"batch_size": 16},
    search={"max_parameters": 1e5, "tail_minutes": 0.01},
    verbose=False,
)
classifier.fit(events, labels)
classifier.history_[["architecture", "origin", "score"]]

# %%
# What was found
# --------------
#
# The best architecture in the notation of its space. ``nasplus describe --genotype`` says what it means and draws it.

classifier.best_genotype_

# %%
# New customers
# -------------
#
# ``predict_proba`` gives a row for each customer, in the order of their first events, and a column for each class.

new_events = events[events["customer"] < 5]
classifier.predict_proba(new_events).round(2)

# %%
# With ``out="runs/loyal"`` all of it stays on disk: the journal, from which a second ``fit`` goes on after an
# interruption, the weights, and ``report.html``. :doc:`/how_to/python` has the rest.
