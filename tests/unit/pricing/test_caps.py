"""What fits below an amount of money, and how a plan that does not is refused."""

from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from smtune.errors import Problem
from smtune.pricing import Fit, InstanceUse, PriceBook, Workload, cap_problem, estimate, fitting

BOOK = PriceBook.load()
SMALL = InstanceUse(type="ml.m5.xlarge", volume_gb=0)
PLAIN = Workload(instances=[SMALL], region="us-east-1", trials=24, max_trial_seconds=3600.0, parallel=4)


def worst(workload: Workload) -> float:
    usd = estimate(workload, BOOK).usd.worst
    assert usd is not None
    return usd


def test_what_fits_is_offered_each_way():
    # 24 trials of 3720 s at 0.23 USD per hour are 5.704 USD.
    assert fitting(2.0, PLAIN, BOOK) == Fit(trials=8, max_trial_seconds=1184, max_runtime_seconds=7706)
    assert cap_problem(2.0, PLAIN, BOOK) == Problem(
        "sagemaker.max_cost_usd",
        2.0,
        "is less than the worst case, $5.71 for 24 trials of 3720 s, the time to stop them included",
        "write limits.max_trials: 8, or limits.max_trial_seconds: 1184, or limits.max_runtime_seconds: 7706; "
        "or raise it to 5.71",
    )


def test_enough_is_no_problem():
    assert cap_problem(5.71, PLAIN, BOOK) is None
    assert cap_problem(worst(PLAIN), PLAIN, BOOK) is None


def test_what_does_not_help_is_not_offered():
    # 24 trials below a minute and a half each are 0.14 USD at most: only fewer trials, or a shorter job, would fit.
    assert fitting(0.25, PLAIN, BOOK) == Fit(trials=1, max_trial_seconds=None, max_runtime_seconds=858)
    assert fitting(0.01, PLAIN, BOOK) == Fit()
    problem = cap_problem(0.01, PLAIN, BOOK)
    assert problem is not None
    assert problem.fix == "raise it to 5.71, or take cheaper instances"


def test_a_job_that_only_time_ends_can_be_cut():
    timed = replace(PLAIN, trials=None, max_runtime_seconds=36_000.0)
    assert fitting(2.0, timed, BOOK) == Fit(trials=8, max_runtime_seconds=7706)
    problem = cap_problem(2.0, timed, BOOK)
    assert problem is not None
    assert problem.rule == (
        "is less than the worst case, $9.24 for 4 trials at a time over 36120 s, the time to stop them included"
    )
    both = cap_problem(2.0, replace(PLAIN, max_runtime_seconds=10_000.0), BOOK)
    assert both is not None
    assert both.rule == (
        "is less than the worst case, $2.59 for 4 trials at a time over 10120 s, the time to stop them included"
    )


def test_a_cap_needs_a_price():
    unknown = replace(PLAIN, instances=[InstanceUse(type="ml.own.large"), InstanceUse(type="ml.new.large")])
    assert cap_problem(1e6, unknown, BOOK, field="max") == Problem(
        "max",
        1e6,
        "cannot be kept: no price of ml.own.large and of ml.new.large is known",
        "write sagemaker.usd_per_hour, or ask AWS: smtune prices --refresh --region us-east-1",
    )
    assert cap_problem(1e6, replace(unknown, usd_per_hour=1.0), BOOK) is None


def test_a_cap_needs_a_limit():
    assert cap_problem(1e6, replace(PLAIN, trials=None), BOOK) == Problem(
        "sagemaker.max_cost_usd",
        1e6,
        "cannot be kept: neither the trials nor the time of the job are limited",
        "write limits.max_trials or limits.max_runtime_seconds",
    )


workloads = st.builds(
    Workload,
    instances=st.lists(
        st.builds(
            InstanceUse,
            type=st.sampled_from(["ml.m5.large", "ml.m5.xlarge", "ml.p3.2xlarge"]),
            count=st.integers(1, 8),
            volume_gb=st.floats(0, 500),
        ),
        min_size=1,
        max_size=2,
    ),
    region=st.just("us-east-1"),
    max_trial_seconds=st.floats(60, 1e6),
    trials=st.integers(1, 1000),
    parallel=st.integers(1, 100),
    max_runtime_seconds=st.none() | st.floats(120, 1e6),
)


@given(workloads, st.floats(0.0001, 0.9999))
def test_what_fits_fits_and_a_little_more_does_not(workload, share):
    cap = worst(workload) * share
    fit = fitting(cap, workload, BOOK)
    for name, least in (("trials", 1), ("max_trial_seconds", 60), ("max_runtime_seconds", 120)):
        value = getattr(fit, name)
        if value is None:
            assert worst(replace(workload, **{name: least})) > cap
        else:
            assert value >= least
            assert worst(replace(workload, **{name: value})) <= cap
            assert worst(replace(workload, **{name: value + 1})) > cap


@given(workloads, st.floats(0.01, 2))
def test_a_problem_is_found_exactly_where_the_worst_case_is_dearer(workload, share):
    cap = worst(workload) * share
    assume(cap > 0)
    assert (cap_problem(cap, workload, BOOK) is not None) == (worst(workload) > cap)
