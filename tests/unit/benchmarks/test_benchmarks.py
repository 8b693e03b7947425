"""The benchmarks run and tell what they measured; what they measure is no matter for tests."""

import doctest
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import launch, measuring, overhead
from benchmarks.amt import STEPS
from benchmarks.launch_variants import VARIANTS, Variant
from benchmarks.overhead_cases import CASES

ROOT = Path(__file__).parents[3]


def run(*arguments):
    command = [sys.executable, "-m", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_overhead_prints_its_tables_and_what_it_skipped():
    told = run("benchmarks.overhead", "--trials", "3", "--rounds", "1", "--peers")
    table = told.partition("Overhead of one trial")[2].partition("Targets,")[0]
    for case in CASES.values():
        assert (f"| {case.title} " in table) == (case.peer is None)
        assert (f"skipped: {case.title} (not asked for)" in told) == (case.peer is not None)
    for title in ("Overhead of one trial", "Targets, at 3 trials", "Imports, least of 1", "Command line, least of 1"):
        assert f"\n{title}\n" in told
    assert "PASS" in told or "MISS" in told
    assert "calibration loop in each of 7 processes" in told


def test_amt_prints_its_tables():
    told = run("benchmarks.amt", "--rounds", "1")
    for title in STEPS.values():
        assert f"| {title} " in told
    assert "\nTarget\n" in told
    assert "calibration loop in each of 1 processes" in told


def test_training_jobs_prints_its_tables():
    told = run("benchmarks.training_jobs", "--jobs", "3", "--rounds", "1")
    assert "\nMilliseconds per script or job, 3 jobs\n" in told
    assert "| jobs per minute, rewrite " in told
    assert "PASS" in told or "MISS" in told


def test_launch_prints_its_tables_and_what_it_skipped():
    variants = ["runner", "warm-runner", "syne-tune"]
    told = run(
        "benchmarks.launch",
        "--trials",
        "3",
        "--rounds",
        "1",
        "--scripts",
        "trivial",
        "--peers",
        "--variants",
        *variants,
    )
    assert "skipped: Syne Tune, as it comes (not asked for)" in told
    for title in ("Is the CPU of trials counted?", "Script trivial, 2 at a time", "Targets, medians of paired rounds"):
        assert f"\n{title}\n" in told
    for name in ("popen", "runner", "warm-runner"):
        assert told.count(f"| {VARIANTS[name].title} ") == 2
    assert "PASS" in told or "MISS" in told


def test_what_is_not_installed_is_skipped_by_name(capsys):
    subjects = {
        "ours": VARIANTS["runner"],
        "theirs": Variant("Their tuner", lambda: lambda *_: 0, "theirs", "no_such_module"),
    }
    assert measuring.choose(subjects, ["theirs"]) == ["ours"]
    assert capsys.readouterr().out == "skipped: Their tuner (no_such_module is not installed)\n"


def test_what_failed_is_not_measured():
    with pytest.raises(RuntimeError, match="no_such_module"):
        measuring.in_fresh_process(["-m", "no_such_module"], {})


def runs_of(cost):
    return {("ask-random", size): {0: {"cpu": cost(size), "peak": 1.0}} for size in (100, 1000, 10_000)}


@pytest.mark.parametrize(("cost", "late"), [(lambda n: 5 + n, 1.0), (lambda n: n * n, 10.0)])
def test_growth_leaves_out_what_is_spent_once(cost, late):
    assert overhead.growth(runs_of(cost), "ask-random", [100, 1000, 10_000]) == pytest.approx(late)


def test_variants_are_compared_within_rounds():
    def run_of(cpu, wall):
        return {"trials": 2, "cpu": cpu, "wall": wall}, {"trials": 10, "cpu": cpu * 5, "wall": wall}

    runs = {
        ("trivial", "popen"): {0: run_of(2.0, 60.0), 1: run_of(4.0, 60.0), 2: run_of(6.0, 60.0)},
        ("trivial", "runner"): {1: run_of(8.0, 30.0), 2: run_of(12.0, 30.0)},
    }
    found = launch.compared(runs, "trivial", "runner")
    assert found["saving"] == pytest.approx(0.5)
    assert found["speed"] == pytest.approx(2.0)
    assert found["added"] == pytest.approx(1e3 * (2.0 + 3.0) / 2)
    assert found["each"] == pytest.approx(5.0)
    assert found["once"] == pytest.approx(0.0)


def test_examples():
    assert doctest.testmod(measuring) == (0, 1)
    assert measuring.verdict(1.0, at_most=1.0) == measuring.verdict(1.0, at_least=1.0) == "PASS"
    assert measuring.verdict(1.1, at_most=1.0) == measuring.verdict(0.9, at_least=1.0) == "MISS"
    assert measuring.verdict(None, at_most=1.0) == "-"
