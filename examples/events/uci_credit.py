"""Turn the UCI credit-card table (a row a user) into events (a row a month) and labels.

python uci_credit.py uci_credit_card.csv.gz OUT  writes OUT/events.parquet and OUT/labels.csv
"""

import sys
from pathlib import Path

import pandas as pd

LABEL = "default.payment.next.month"
STATIC = ["LIMIT_BAL", "SEX", "EDUCATION", "MARRIAGE", "AGE"]
STATUS = ["PAY_6", "PAY_5", "PAY_4", "PAY_3", "PAY_2", "PAY_0"]  # April to September; there is no PAY_1


def long_tables(wide: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Six monthly events of each user, April first, and the labels."""
    events = pd.concat([_month(wide, i) for i in range(len(STATUS))], ignore_index=True)
    return events, wide[["ID", LABEL]].rename(columns={LABEL: "default"})


def _month(wide: pd.DataFrame, i: int) -> pd.DataFrame:
    back = len(STATUS) - i
    return wide[["ID", *STATIC]].assign(
        month=4 + i,
        PAY=wide[STATUS[i]],
        BILL_AMT=wide[f"BILL_AMT{back}"],
        PAY_AMT=wide[f"PAY_AMT{back}"],
    )


def main(source: str, out: str) -> None:
    events, labels = long_tables(pd.read_csv(source))
    Path(out).mkdir(parents=True, exist_ok=True)
    events.to_parquet(Path(out) / "events.parquet", index=False)
    labels.to_csv(Path(out) / "labels.csv", index=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
