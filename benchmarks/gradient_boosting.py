"""Gradient boosting on the wide UCI credit-card table, on the very split of a search: the figure to compare with.

python benchmarks/gradient_boosting.py uci_credit_card.csv.gz RUN [RUN …]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from nni_nasplus.data.events import EventDataModule
from nni_nasplus.run.run import CACHE

LABEL = "default.payment.next.month"


def test_auc(wide: pd.DataFrame, run: Path) -> float:
    """ROC-AUC on the run's test users of boosting on all columns of its training users."""
    arrays = EventDataModule(run / CACHE).arrays
    train, test = (wide.loc[arrays.ids[arrays.rows(split)]] for split in ("train", "test"))
    model = HistGradientBoostingClassifier(learning_rate=0.05, max_iter=150, random_state=0)
    model.fit(train.drop(columns=LABEL), train[LABEL])
    return float(roc_auc_score(test[LABEL], model.predict_proba(test.drop(columns=LABEL))[:, 1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", type=Path)
    parser.add_argument("runs", type=Path, nargs="+")
    arguments = parser.parse_args()
    wide = pd.read_csv(arguments.table).set_index("ID")
    for run in arguments.runs:
        print(f"{run}: test ROC-AUC {test_auc(wide, run):.4f}")


if __name__ == "__main__":
    main()
