"""Settings and faults as people write them."""

import sys
import textwrap
from pathlib import Path

import pytest

from smtune.emulator.configuration import faults_of, read_settings
from smtune.emulator.service.faults import Fault
from smtune.emulator.service.settings import Settings
from smtune.errors import SpecError
from smtune.sandbox import Rule
from smtune.sandbox.docker import Limits

FILE = """
slots: 3
isolation: rewrite
grace_seconds: 5
speed: 100
folder: jobs
environment: {MODE: "test"}
data: kept
containers: {memory_mb: 512}
rules:
  - {match: "*mine*", command: [python, -m, mine]}
  - {match: "*other*", entry_point: train.py, source_dir: src, python: venv/bin/python}
  - {match: "*third*", entry_point: train.py}
faults:
  - {kind: slow-start, seconds: 600, count: null}
  - {kind: capacity, match: "*-001-*"}
"""

TABLES = """
slots = 3
isolation = "rewrite"
grace_seconds = 5
speed = 100
folder = "jobs"
environment = {MODE = "test"}
data = "kept"
containers = {memory_mb = 512}
rules = [
    {match = "*mine*", command = ["python", "-m", "mine"]},
    {match = "*other*", entry_point = "train.py", source_dir = "src", python = "venv/bin/python"},
    {match = "*third*", entry_point = "train.py"},
]

[[faults]]
kind = "slow-start"
seconds = 600
count = 1000000

[[faults]]
kind = "capacity"
match = "*-001-*"
"""


@pytest.mark.parametrize(("name", "text", "count"), [("e.yaml", FILE, None), ("e.toml", TABLES, 1_000_000)])
def test_a_file_has_the_members_of_settings_as_keys(tmp_path: Path, name: str, text: str, count: int | None) -> None:
    (tmp_path / name).write_text(text)
    (tmp_path / "src").mkdir()
    for folder in (tmp_path, tmp_path / "src"):
        (folder / "train.py").touch()
    assert read_settings(tmp_path / name) == Settings(
        slots=3,
        isolation="rewrite",
        grace_seconds=5.0,
        speed=100.0,
        folder=tmp_path / "jobs",
        environment={"MODE": "test"},
        data=tmp_path / "kept",
        containers=Limits(memory_mb=512),
        rules=(
            Rule("*mine*", command=("python", "-m", "mine")),
            Rule(
                "*other*", entry_point="train.py", source_dir=tmp_path / "src", python=str(tmp_path / "venv/bin/python")
            ),
            Rule("*third*", entry_point="train.py", source_dir=tmp_path, python=sys.executable),
        ),
        faults=(Fault("slow-start", seconds=600.0, count=count), Fault("capacity", "*-001-*")),
    )


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "e.json").write_text("{}")
    assert read_settings(tmp_path / "e.json") == Settings()


def problems(tmp_path: Path, text: str) -> dict[str, tuple[str, str]]:
    (tmp_path / "e.yaml").write_text(textwrap.dedent(text))
    with pytest.raises(SpecError) as caught:
        read_settings(tmp_path / "e.yaml")
    assert caught.value.source == str(tmp_path / "e.yaml")
    return {problem.field: (problem.rule, problem.fix) for problem in caught.value.problems}


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    text = """
        slot: 3
        grace_seconds: long
        rules: [{command: [a]}, {match: "*", commands: [b]}]
        faults: [{kind: slow}, {kind: failure, count: many}]
    """
    assert problems(tmp_path, text) == {
        "slot": ("is no known key", "did you mean 'slots'?"),
        "grace_seconds": ("must be a valid number, unable to parse string as a number", "write a number"),
        "rules[0].match": ("is missing", "add it"),
        "rules[1].commands": ("is no known key", "did you mean 'command'?"),
        "faults[0].kind": (
            "must be 'failure', 'capacity', 'interruption', 'slow-start', 'no-metric' or 'throttling'",
            "see Settings, Rule and Fault of smtune.emulator",
        ),
        "faults[1].count": ("must be a valid integer, unable to parse string as an integer", "write a whole number"),
    }


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("slots: 0", "slots"),
        ("speed: 0", "speed"),
        ("containers: {memory_mb: 1}", "containers.memory_mb"),
        ("containers: {memory: 512}", "containers.memory"),
        ("faults: [{kind: failure}, {kind: failure, count: 0}]", "faults[1].count"),
        ("rules: [{match: a, command: [b], kind: xgboost}]", "rules[0].rule"),
        ("rules: [{match: a, command: [b]}, {match: b, entry_point: train.py}]", "rules[1].source_dir"),
    ],
)
def test_what_makes_no_sense_is_named(tmp_path: Path, text: str, field: str) -> None:
    assert list(problems(tmp_path, text)) == [field]


def test_faults_come_one_by_one_or_as_a_list() -> None:
    assert faults_of({"kind": "failure"}) == (Fault("failure"),)
    assert faults_of([{"kind": "failure"}, {"kind": "no-metric", "count": None}]) == (
        Fault("failure"),
        Fault("no-metric", count=None),
    )
    for nothing in (3, "failure", [None], {"match": "*"}):
        with pytest.raises(SpecError):
            faults_of(nothing)


@pytest.mark.parametrize(
    ("kind", "given", "told"),
    [
        (Fault, {"kind": "throtling"}, ("kind", "throtling", "must be one of failure, capacity", "'throttling'")),
        (Settings, {"isolation": "dokcer"}, ("isolation", "dokcer", "must be one of auto, namespace", "'docker'")),
        (Settings, {"isolation": None}, ("isolation", None, "must be one of auto, namespace", '"auto"')),
    ],
)
def test_misspelt_words_are_told_from_python_too(kind, given, told):
    with pytest.raises(SpecError) as caught:
        kind(**given)
    (problem,) = caught.value.problems
    field, value, rule, fix = told
    assert (problem.field, problem.value) == (field, value)
    assert problem.rule.startswith(rule)
    assert fix in problem.fix
