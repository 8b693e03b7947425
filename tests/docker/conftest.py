"""Tests beside an engine of Docker; `make test-docker` brings one, and the images."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

collect_ignore_glob = [] if os.environ.get("SMTUNE_TEST_DOCKER") else ["test_*.py"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is in this folder; the hook sees all tests."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.docker)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders with rows, the label first, by channel."""
    features, labels = load_breast_cancer(return_X_y=True)
    rows = np.column_stack([labels, features])
    rows = rows[np.random.default_rng(0).permutation(len(rows))]
    folders = {name: tmp_path_factory.mktemp(name) for name in ("train", "validation")}
    np.savetxt(folders["train"] / "rows.csv", rows[:400], delimiter=",", fmt="%.9g")
    np.savetxt(folders["validation"] / "rows.csv", rows[400:], delimiter=",", fmt="%.9g")
    return folders
