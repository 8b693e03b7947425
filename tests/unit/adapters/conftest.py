"""What tests of adapters share."""

from __future__ import annotations

import sys

import pytest

from tests.unit.adapters.sdk_objects import Base, modules_of_version_3


@pytest.fixture
def version_3(monkeypatch: pytest.MonkeyPatch) -> type[Base]:
    """Have the modules of version 3 of the SageMaker SDK imported, and return what its resources inherit."""
    for name, module in modules_of_version_3().items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(Base, "made", [])
    return Base
