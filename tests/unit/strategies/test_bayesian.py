"""The model behind Bayesian search, and how it searches."""

import math

import numpy as np
import pytest

from smtune import AskTell, CategoricalParameter, ContinuousParameter, IntegerParameter, SearchSpace
from smtune.strategies.bayesian.acquisition import log_expected_improvement
from smtune.strategies.bayesian.candidates import CandidateSearch
from smtune.strategies.bayesian.coding import Coding
from smtune.strategies.bayesian.kernels import Matern12, Matern52
from smtune.strategies.bayesian.process import GaussianProcess, Hyperparameters, _Posterior, fit
from smtune.strategies.bayesian.responses import failures_cluster, standardise

SPACE = SearchSpace(
    {
        "eta": ContinuousParameter(1e-4, 1.0, "Logarithmic"),
        "depth": IntegerParameter(2, 11),
        "units": IntegerParameter(8, 512, "Logarithmic"),
        "batch": CategoricalParameter([16, 32, 64], ordered=True),
        "kind": CategoricalParameter(["a", "b", "c", "d"]),
        "fixed": IntegerParameter(3, 3),
        "rate": ContinuousParameter(0.0, 0.9, step=0.1),
    }
)
KERNELS = pytest.mark.parametrize("kernel", [Matern52(), Matern12()], ids=["smooth", "rough"])


def points(count: int, seed: int = 1) -> np.ndarray:
    coding = Coding(SPACE)
    return coding.from_cube(np.random.default_rng(seed).random((count, coding.dimensions)))


# --- coding ---------------------------------------------------------------------------------------------------


def test_a_point_is_the_code_of_the_configuration_it_decodes_to() -> None:
    coding = Coding(SPACE)
    for point in points(200):
        configuration = coding.decode(point)
        assert SPACE.validate(configuration) == configuration
        assert coding.encode(configuration) == pytest.approx(point, abs=1e-12)


def test_levels_own_the_share_of_the_cube_that_random_search_gives_them() -> None:
    coding = Coding(SPACE)
    places = [name for name in SPACE if name != "fixed"]
    for cube in np.random.default_rng(2).random((300, coding.dimensions)):
        expected = {name: SPACE[name].from_unit(u) for name, u in zip(places, cube, strict=True)}
        found = coding.decode(coding.from_cube(cube[None])[0])
        assert {name: found[name] for name in places} == pytest.approx(expected)


def test_keys_tell_points_apart() -> None:
    coding = Coding(SearchSpace({"a": IntegerParameter(1, 30), "b": IntegerParameter(1, 30)}))
    whole = coding.all_points()
    assert len(whole) == 900
    assert len(np.unique(coding.keys(whole))) == 900
    assert (coding.keys(whole) == coding.keys(coding.snap(whole + 1e-9))).all()


# --- responses ------------------------------------------------------------------------------------------------


def test_bad_losses_are_compressed_and_the_order_is_kept() -> None:
    losses = np.array([1.0, 2.0, 3.0, 4.0, 1e9])
    responses = standardise(losses)
    assert (np.diff(responses) > 0).all()
    assert responses.mean() == pytest.approx(0.0)
    assert responses.std() == pytest.approx(1.0)
    assert responses[-1] < 2.0


@pytest.mark.parametrize("losses", [[0.5], [0.0, 0.0, 0.0], [1.0] * 9 + [0.5], [1e308, -1e308, 0.0]])
def test_losses_without_spread_stay_finite(losses: list[float]) -> None:
    with np.errstate(over="ignore"):
        assert np.isfinite(standardise(np.array(losses))).all()


def test_failures_of_a_region_are_told_from_those_of_the_machine() -> None:
    rng = np.random.default_rng(3)
    places = rng.random((60, 2))
    distances = ((places[:, None] - places[None]) ** 2).sum(axis=2)
    assert failures_cluster(places[:, 0] > 0.7, distances)
    assert not failures_cluster(rng.random(60) < 0.2, distances)


def test_few_failures_count_as_those_of_their_region() -> None:
    failed = np.zeros(20, dtype=bool)
    distances = np.ones((20, 20))
    assert not failures_cluster(failed, distances)
    failed[3] = True
    assert failures_cluster(failed, distances)
    assert failures_cluster(~np.zeros(20, dtype=bool), distances)


# --- the process ----------------------------------------------------------------------------------------------


@KERNELS
def test_the_gradient_is_that_of_the_posterior(kernel) -> None:
    rng = np.random.default_rng(4)
    seen = points(25)
    posterior = _Posterior(kernel, seen, rng.standard_normal(25), Coding(SPACE).nominal)
    for _ in range(3):
        theta = rng.normal(-0.5, 0.7, seen.shape[1] + 2)
        _, gradient = posterior(theta)
        step = 1e-5 * np.eye(len(theta))
        numeric = [(posterior(theta + one)[0] - posterior(theta - one)[0]) / 2e-5 for one in step]
        assert gradient == pytest.approx(numeric, rel=1e-4, abs=1e-5)


@KERNELS
def test_predictions_are_those_of_the_textbook(kernel) -> None:
    rng = np.random.default_rng(5)
    seen, new, responses = points(12), points(7, seed=6), rng.standard_normal(12)
    nominal = Coding(SPACE).nominal
    parameters = Hyperparameters(np.array(rng.uniform(0.2, 2.0, seen.shape[1])), 1.7, 0.05)

    def covariance(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        differences = first[:, None] - second[None]
        differences[:, :, nominal] = differences[:, :, nominal] != 0
        return np.asarray(1.7 * kernel.value(((differences / parameters.lengths) ** 2).sum(axis=2)))

    across, within = covariance(new, seen), covariance(seen, seen) + 0.05 * np.eye(12)
    mean, variance = GaussianProcess(kernel, parameters, seen, responses, nominal).predict(new)
    assert mean == pytest.approx(across @ np.linalg.solve(within, responses), abs=1e-6)
    expected = 1.7 - np.einsum("ij,ji->i", across, np.linalg.solve(within, across.T))
    assert variance == pytest.approx(expected, abs=1e-6)


@KERNELS
def test_the_fit_finds_what_matters(kernel) -> None:
    seen = points(60)
    responses = standardise(np.sin(5 * seen[:, 2]) + 2 * (seen[:, 3] == 1))
    found, value = fit(kernel, seen, responses, Coding(SPACE).nominal, starts=[Hyperparameters.at_start(seen.shape[1])])
    assert math.isfinite(value)
    relevant = np.zeros(seen.shape[1], dtype=bool)
    relevant[[2, 3]] = True
    assert found.lengths[relevant].max() < found.lengths[~relevant].min()


def test_equal_responses_and_equal_points_do_no_harm() -> None:
    seen = np.repeat(points(2), 20, axis=0)
    nominal = Coding(SPACE).nominal
    start = Hyperparameters(np.full(seen.shape[1], 50.0), math.exp(4), math.exp(-14))
    found, _ = fit(Matern52(), seen, np.zeros(40), nominal, starts=[start])
    for parameters in (found, start):
        mean, variance = GaussianProcess(Matern52(), parameters, seen, np.zeros(40), nominal).predict(points(5))
        assert np.isfinite(mean).all()
        assert (variance > 0).all()


def test_what_is_under_way_is_believed_and_loses_its_uncertainty() -> None:
    seen, pending = points(15), points(3, seed=9)
    process = GaussianProcess(
        Matern52(), Hyperparameters.at_start(seen.shape[1]), seen, np.arange(15.0), Coding(SPACE).nominal
    )
    (mean, variance), (believed, certain) = process.predict(pending), process.believing(pending).predict(pending)
    assert believed == pytest.approx(mean, rel=0.05, abs=0.05)
    assert (certain < 0.1 * variance).all()


# --- the acquisition ------------------------------------------------------------------------------------------


def test_expected_improvement_is_the_mean_of_what_is_gained() -> None:
    draws = 0.3 + 0.5 * np.random.default_rng(7).standard_normal(400_000)
    found = log_expected_improvement(np.array([0.3]), np.array([0.25]), 0.1)
    assert math.exp(found[0]) == pytest.approx(np.maximum(0.1 - draws, 0).mean(), rel=0.01)


def test_expected_improvement_is_smooth_and_rising_where_it_underflows() -> None:
    z = np.concatenate([np.linspace(-1e6, -50, 500, endpoint=False), np.linspace(-50, 5, 2000)])
    found = log_expected_improvement(-z, np.ones_like(z), 0.0)
    assert np.isfinite(found).all()
    assert (np.diff(found) > 0).all()


# --- the search -----------------------------------------------------------------------------------------------


def test_candidates_are_never_known_and_the_best_comes_first() -> None:
    coding = Coding(SearchSpace({"a": IntegerParameter(1, 40), "b": IntegerParameter(1, 40)}))
    rng = np.random.default_rng(8)
    whole = coding.all_points()
    value = -((whole - 0.5) ** 2).sum(axis=1)
    known = np.sort(coding.keys(whole[np.argsort(-value)[:300]]))

    def score(candidates: np.ndarray) -> np.ndarray:
        return np.asarray(-((candidates - 0.5) ** 2).sum(axis=1))

    search = CandidateSearch(coding)
    found = search.ranked(score, best=whole[:5], known=known, rng=rng)
    assert not np.isin(coding.keys(found), known).any()
    assert score(found[:1])[0] == pytest.approx(np.sort(value)[::-1][300], abs=1e-9)
    assert (np.diff(score(found)) <= 0).all()
    assert search.exhaustive(score, known=known)[0] == pytest.approx(found[0])


def test_it_finds_a_minimum_in_a_mixed_space() -> None:
    search = AskTell(SPACE, strategy="bayesian", seed=3)
    for _ in range(60):
        trial = search.ask()
        unit = dict(zip(SPACE, SPACE.to_unit(trial.parameters), strict=True))
        value = sum((unit[name] - 0.3) ** 2 for name in ("eta", "depth", "units", "rate"))
        search.tell(trial, value + (trial.parameters["kind"] != "c"))
    best = search.best_trial
    assert best is not None
    assert best.parameters["kind"] == "c"
    assert best.objective is not None
    assert best.objective < 0.01
    assert {trial.origin.split()[0] for trial in search.trials} == {"initial", "bayesian", "crossover", "mutation"}


def test_evolution_takes_turns_only_while_the_model_makes_no_progress() -> None:
    space = SearchSpace({"x": ContinuousParameter(0, 1), "y": ContinuousParameter(0, 1)})
    for progress, expected in ((True, {"bayesian"}), (False, {"bayesian", "crossover", "mutation"})):
        search = AskTell(space, strategy="bayesian", seed=9)
        for number in range(40):
            search.tell(search.ask(), -float(number) if progress else (number * 7919) % 101 + 1.0 * (number > 0))
        origins = [trial.origin.split()[0] for trial in search.trials]
        assert origins[:10] == ["initial"] * 10
        assert set(origins[10:]) == expected
        bred = [number for number, origin in enumerate(origins) if origin in ("crossover", "mutation")]
        assert all(number % 3 == 2 for number in bred)
        assert progress or len(bred) > 5


def test_in_finite_spaces_there_is_no_evolution() -> None:
    """Where nothing is tried twice, the model leaves its basin by itself."""
    space = SearchSpace({"a": IntegerParameter(1, 40), "b": IntegerParameter(1, 40)})
    search = AskTell(space, strategy="bayesian", seed=9)
    for _ in range(40):
        search.tell(search.ask(), 1.0)
    assert {trial.origin for trial in search.trials} == {"initial", "bayesian"}


def test_parallel_trials_stay_apart() -> None:
    space = SearchSpace({"x": ContinuousParameter(0, 1), "y": ContinuousParameter(0, 1)})
    search = AskTell(space, strategy="bayesian", seed=4)
    for _ in range(15):
        trial = search.ask()
        search.tell(trial, sum((value - 0.6) ** 2 for value in trial.parameters.values()))
    together = np.array([list(search.ask().parameters.values()) for _ in range(8)])
    distances = np.linalg.norm(together[:, None] - together[None], axis=2) + np.eye(8)
    assert distances.min() > 0.005


def test_the_last_configurations_of_a_small_space_come_in_the_order_of_their_promise() -> None:
    space = SearchSpace({"a": IntegerParameter(1, 20), "b": IntegerParameter(1, 20)})
    search = AskTell(space, strategy="bayesian", seed=5)
    numbers = []
    for _ in range(400):
        trial = search.ask()
        value = (trial.parameters["a"] - 7) ** 2 + (trial.parameters["b"] - 13) ** 2
        search.tell(trial, value)
        numbers.append(value)
    assert search.exhausted
    assert numbers.index(0) < 40
    assert np.mean(numbers[20:100]) < np.mean(numbers[300:])


def test_a_region_that_fails_is_avoided() -> None:
    space = SearchSpace({"x": ContinuousParameter(0, 1), "y": ContinuousParameter(0, 1)})
    search = AskTell(space, strategy="bayesian", seed=6)
    failures = []
    for _ in range(50):
        trial = search.ask()
        fails = trial.parameters["x"] > 0.5
        failures.append(fails)
        if fails:
            search.tell(trial, failed="out of memory")
        else:
            search.tell(trial, 1 - trial.parameters["x"])
    assert np.mean(failures[25:]) < 0.5
