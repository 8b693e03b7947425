import pytest

from smtune.honesty import Scores, disagreement, evaluate
from smtune.honesty.holdout import kendall_tau
from smtune.trial import Trial, TrialStatus

SCORES = Scores("validation:auc", "test:auc", -1)


def configuration(number, validation, test, *, error=None, test_error=None, repeats=1, spread=0.0):
    metrics = {"validation:auc": validation, "test:auc": test}
    metrics |= {} if error is None else {"validation:auc:se": error}
    metrics |= {} if test_error is None else {"test:auc:se": test_error}
    if test is None:
        del metrics["test:auc"]
    trials = [
        Trial(
            number, {"x": number}, TrialStatus.Completed, validation + (spread if k % 2 else -spread), metrics, repeat=k
        )
        for k in range(repeats)
    ]
    return evaluate(trials, trainings=repeats, metric="validation:auc", sign=-1)


def warning(*configurations, default=None, optimism=None):
    best = min(configurations, key=lambda one: one.loss)
    return disagreement(configurations, best, default=default, scores=SCORES, optimism=optimism)


def test_no_holdout_no_warning():
    assert warning(configuration(0, 0.9, None, error=0.001)) is None


@pytest.mark.parametrize(
    ("test", "optimism", "warned"),
    [
        # The difference has the standard error sqrt(0.03^2 + 0.04^2) = 0.05.
        (0.81, None, False),
        (0.79, None, True),
        (0.79, 0.02, False),
        (0.77, 0.02, True),
        (0.99, None, False),
    ],
)
def test_a_holdout_worse_than_errors_and_optimism_explain(test, optimism, warned):
    text = warning(configuration(0, 0.9, test, error=0.03, test_error=0.04), optimism=optimism)
    assert (text is not None) is warned


def test_the_warning_has_the_numbers_and_what_to_do():
    text = warning(configuration(0, 0.9, 0.7, error=0.03, test_error=0.04), optimism=0.02)
    assert text == (
        "test:auc 0.7 is worse than validation:auc 0.9 by 0.2, which is more than two standard errors, 0.1, and the "
        "optimism, 0.02, explain; more repeats, cross-validation, a larger validation set or fewer trials would make the "
        "choice safer"
    )


def test_a_holdout_without_a_standard_error_is_taken_to_be_as_noisy():
    # 2 x sqrt(2) x 0.03 = 0.085
    assert warning(configuration(0, 0.9, 0.82, error=0.03)) is None
    assert warning(configuration(0, 0.9, 0.81, error=0.03)) is not None


def test_seeds_do_not_say_how_hard_the_rows_of_the_holdout_are():
    repeated = {"repeats": 2, "spread": 0.001}
    others = [configuration(number, 0.8, 0.7, **repeated) for number in range(1, 6)]
    assert warning(configuration(0, 0.9, 0.8, **repeated), *others) is None
    text = warning(configuration(0, 0.9, 0.7, **repeated), *others)
    assert text is not None
    assert "by 0.2 (0.1 is usual for the others), which is more than two standard errors, 0.0028, explain" in text
    assert warning(configuration(0, 0.9, 0.7, **repeated), *others[1:]) is None  # too few to say what is usual


def test_a_gain_that_the_holdout_does_not_show():
    default = configuration(1, 0.8, 0.75)
    assert warning(configuration(0, 0.9, 0.75), default, default=default) is None
    text = warning(configuration(0, 0.9, 0.74), default, default=default)
    assert text is not None
    assert text.startswith(
        "test:auc 0.74 is worse than the untuned default's 0.75, though validation:auc improved from 0.8 to 0.9; "
    )
    assert warning(default, default=default) is None


def test_kendall_tau():
    assert kendall_tau([(1, 1), (2, 2), (3, 3)]) == 1
    assert kendall_tau([(1, 2), (2, 2), (3, 1)]) == pytest.approx(-2 / 3)


def test_opposite_rankings_of_the_best():
    # tau = -1 of eight has z = -1 / sqrt(2 x 21 / (9 x 8 x 7)) = -3.46; of seven, no test is made.
    opposite = [configuration(k, 0.9 - k / 100, 0.5 + k / 100) for k in range(8)]
    text = warning(*opposite)
    assert text is not None
    assert text.startswith(
        "test:auc and validation:auc rank the 8 best configurations oppositely (Kendall's tau -1.00)"
    )
    assert warning(*opposite[:7]) is None
    assert warning(*[configuration(k, 0.9 - k / 100, 0.5 - k / 100) for k in range(8)]) is None


def test_only_the_ten_best_are_ranked():
    top = [configuration(k, 0.9 - k / 100, 0.5 - k / 100) for k in range(10)]
    rest = [configuration(k, 0.7 - k / 100, 0.5 + k / 100) for k in range(10, 40)]
    assert warning(*top, *rest) is None


def test_scores_that_tie_are_no_evidence():
    assert kendall_tau([(1.0, 3), (1.1, 2), (2.0, 1)], tie=0.5) == pytest.approx(-2 / 3)


def converged(step):
    """Descents as in a search by derivatives: more than half of the trials are at the optimum but for the last digits."""
    descents = [configuration(k, 0.5 + k / 60, 0.4 + k / 60) for k in range(20)]
    return [*descents, *[configuration(20 + k, 0.9 + step * k, 0.8 - step * k) for k in range(40)]]


def test_the_order_of_converged_trials_is_no_ranking():
    assert warning(*converged(1e-7)) is None
    text = warning(*converged(0.01))
    assert text is not None
    assert "oppositely (Kendall's tau -1.00)" in text


def test_a_few_hopeless_configurations_do_not_make_all_others_tie():
    opposite = [configuration(k, 0.9 - k / 100, 0.5 + k / 100) for k in range(28)]
    hopeless = [configuration(28 + k, -1e6, 0.0) for k in range(3)]
    assert warning(*opposite, *hopeless) is not None
