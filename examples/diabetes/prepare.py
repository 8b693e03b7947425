"""Write scikit-learn's diabetes data as the channels of tuning.yaml.

442 patients; the label is how far the disease went in a year. To the 10 measurements come their 55 products by pairs, which
let a linear model bend. The rows are split once, with a fixed seed: 70 % to train and to choose on, 30 % held out. Label
first, no header.
"""

from __future__ import annotations

from itertools import combinations_with_replacement
from pathlib import Path

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split

SPLIT_SEED = 0


def main() -> None:
    """Write data/train and data/test beside this file; the same files every time."""
    measured, labels = load_diabetes(return_X_y=True)
    products = [measured[:, one] * measured[:, other] for one, other in combinations_with_replacement(range(10), 2)]
    rows = np.column_stack([labels, measured, *products])
    train, test = train_test_split(rows, test_size=0.3, random_state=SPLIT_SEED)
    for channel, part in (("train", train), ("test", test)):
        folder = Path(__file__).resolve().parent / "data" / channel
        folder.mkdir(parents=True, exist_ok=True)
        np.savetxt(folder / "rows.csv", part, fmt="%.9g", delimiter=",")
        print(f"{len(part)} rows in {folder}")


if __name__ == "__main__":
    main()
