"""Write scikit-learn's breast-cancer data as the channels of tuning.yaml.

569 tumours, 30 measurements each; label 1 is benign. The rows are split once, with a fixed seed and the same share of
both labels in each part: 70 % to train and to choose on, 30 % held out. XGBoost's csv form: label first, no header.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

SPLIT_SEED = 0


def main() -> None:
    """Write data/train and data/test beside this file; the same files every time."""
    features, labels = load_breast_cancer(return_X_y=True)
    rows = np.column_stack([labels, features])
    train, test = train_test_split(rows, test_size=0.3, stratify=labels, random_state=SPLIT_SEED)
    for channel, part in (("train", train), ("test", test)):
        folder = Path(__file__).resolve().parent / "data" / channel
        folder.mkdir(parents=True, exist_ok=True)
        np.savetxt(folder / "rows.csv", part, fmt="%.9g", delimiter=",")
        print(f"{len(part)} rows in {folder}")


if __name__ == "__main__":
    main()
