import json
import math
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost as xgb
from sklearn.metrics import roc_auc_score

BINARY: dict[str, Any] = {"objective": "binary:logistic", "eval_metric": "logloss,auc", "max_depth": 3, "eta": 0.3}
# Long lines fill the pipe soon, so that an unread training waits.
WORDY: dict[str, Any] = {
    **BINARY,
    "eval_metric": "error,logloss,aucpr,auc,error@0.3,error@0.4,error@0.6,error@0.7,rmse",
}
SAMPLED: dict[str, Any] = {
    "subsample": 0.7,
    "colsample_bytree": 0.7,
    "num_round": 250,
    "checkpoint_every": 10,
    "seed": 3,
}


def load(job: Any) -> xgb.Booster:
    return xgb.Booster(model_file=bytearray((job.model / "xgboost-model").read_bytes()))


def rows(folder: Path) -> Any:
    return np.concatenate([np.loadtxt(file, delimiter=",") for file in sorted(folder.iterdir())])


def read_until(process: subprocess.Popen[str], step: int) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if f"step={step};" in line:
            return
    pytest.fail(f"ended before step {step}")


def test_every_contract_trains_the_same_model(make_job, data):
    jobs = [
        make_job("xgboost", data["cancer"], {**BINARY, "num_round": 12}, contract=contract)
        for contract in ("bare", "toolkit", "laptop")
    ]
    runs = [job.run() for job in jobs]
    assert [run.code for run in runs] == [0, 0, 0], runs[0].err
    assert runs[0].reports == runs[1].reports == runs[2].reports
    models = [(job.model / "xgboost-model").read_bytes() for job in jobs]
    assert models[0] == models[1] == models[2]
    assert [sorted(file.name for file in job.model.iterdir()) for job in jobs] == [["xgboost-model"]] * 3

    assert [report.step for report in runs[0].reports] == [*range(12), 11]
    assert runs[0].reports[-2].metrics.items() <= runs[0].reports[-1].metrics.items()
    assert runs[0].final == runs[0].reports[-1].metrics
    assert "test:auc" not in runs[0].reports[-2].metrics

    for channel in ("validation", "test"):
        held_out = rows(data["cancer"][channel])
        predicted = load(jobs[0]).predict(xgb.DMatrix(held_out[:, 1:]))
        assert runs[0].final[f"{channel}:auc"] == pytest.approx(roc_auc_score(held_out[:, 0], predicted), abs=1e-6)


def test_early_stopping_ends_with_the_best_round(make_job, run_all, data):
    boosters = [
        {**BINARY, "eval_metric": "auc,logloss"},
        {**BINARY, "eval_metric": "auc,logloss", "booster": "dart", "rate_drop": 0.2},
        {"objective": "binary:logistic", "eval_metric": "auc,logloss", "booster": "gblinear"},
    ]
    limits = {"num_round": 400, "early_stopping_rounds": 4}
    jobs = [make_job("xgboost", data["cancer"], {**given, **limits}, contract="toolkit") for given in boosters]
    held_out = rows(data["cancer"]["validation"])
    for job, run in zip(jobs, run_all("xgboost", jobs), strict=True):
        assert run.code == 0, run.err
        history = run.history("validation:logloss")[:-1]
        best = int(np.argmin(history))
        assert len(history) == best + 1 + 4
        assert run.reports[-1].step == best
        assert run.final["validation:logloss"] == history[best]
        predicted = load(job).predict(xgb.DMatrix(held_out[:, 1:])).astype(float)
        loss = -np.mean(np.where(held_out[:, 0] == 1, np.log(predicted), np.log(1 - predicted)))
        assert loss == pytest.approx(history[best], abs=1e-5)


def test_early_stopping_knows_which_metrics_to_maximise(make_job, run_all, data):
    given = {**BINARY, "num_round": 200, "early_stopping_rounds": 3}
    [run] = run_all("xgboost", [make_job("xgboost", data["cancer"], given, contract="toolkit")])
    history = run.history("validation:auc")[:-1]
    assert run.final["validation:auc"] == max(history)
    assert len(history) == int(np.argmax(history)) + 1 + 3


def test_cross_validation_reports_mean_and_spread_and_trains_on_everything(make_job, data, run_snippet):
    channels = {name: data["cancer"][name] for name in ("train", "test")}
    given = {**BINARY, "eval_metric": "auc", "num_round": 5, "cv_folds": 3}
    job = make_job("xgboost", channels, given)
    run = job.run()
    assert run.code == 0, run.err
    assert [report.step for report in run.reports] == [0, 1, 2, 3, 4, 4]
    assert "test:auc" in run.final
    expected = run_snippet(
        "xgboost",
        f"""
import json, train, numpy as np, xgboost as xgb
from settings import read_settings
from tabular import read_channel
from smtune.container import Environment
environment = Environment.current({{"SM_CHANNEL_TRAIN": {str(channels["train"])!r}}}, {job_arguments(given)!r})
settings = read_settings(environment)
scores, held_out = [], 0
for fold in train.make_folds(read_channel(environment, "train"), settings):
    result = {{}}
    evals = [(fold.evaluations["validation"], "v")]
    xgb.train({{**settings.booster, "seed": 0}}, fold.train, 5, evals=evals, evals_result=result, verbose_eval=False)
    scores.append(result["v"]["auc"][-1])
    held_out += fold.evaluations["validation"].num_row()
    assert fold.train.num_row() + fold.evaluations["validation"].num_row() == {len(rows(channels["train"]))}
print(json.dumps([np.mean(scores), np.std(scores), held_out, scores]))
""",
    )
    assert run.final["validation:auc"] == pytest.approx(expected[0], abs=1e-12)
    assert run.final["validation:auc-std"] == pytest.approx(expected[1], abs=1e-12)
    assert run.final["validation:auc:se"] == pytest.approx(expected[1] / 2**0.5)  # s / sqrt(3), s^2 / (3 - 1)
    assert [run.final[f"validation:auc:fold-{number}"] for number in range(3)] == pytest.approx(expected[3])
    assert expected[2] == len(rows(channels["train"]))
    whole = load(job)
    assert whole.num_boosted_rounds() == 5
    everything = rows(channels["train"])
    alone = xgb.train(
        {**BINARY, "eval_metric": "auc", "seed": 0},
        xgb.DMatrix(everything[:, 1:].astype(np.float32), everything[:, 0]),
        5,
    )
    assert np.array_equal(whole.predict(xgb.DMatrix(everything[:, 1:])), alone.predict(xgb.DMatrix(everything[:, 1:])))


def job_arguments(given: Mapping[str, object]) -> list[str]:
    return [text for key, value in given.items() for text in ("--" + key, str(value))]


def test_cross_validation_with_early_stopping_trains_as_long_as_the_best_mean(make_job, data):
    given = {**BINARY, "eval_metric": "logloss", "num_round": 300, "cv_folds": 2, "early_stopping_rounds": 3}
    job = make_job("xgboost", data["cancer"], given, objective="validation:logloss")
    run = job.run()
    history = run.history("validation:logloss")[:-1]
    best = int(np.argmin(history))
    assert "channel validation is not used" in run.out
    assert len(history) == best + 1 + 3
    assert run.final["validation:logloss"] == history[best]
    assert load(job).num_boosted_rounds() == best + 1


def test_a_killed_training_resumes_to_the_same_model(make_job, data):
    whole = make_job("xgboost", data["cancer"], {**WORDY, **SAMPLED})
    assert whole.run().code == 0
    assert whole.checkpoints == []

    killed = make_job("xgboost", data["cancer"], {**WORDY, **SAMPLED})
    with killed.start() as process:
        read_until(process, 25)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert not (killed.model / "xgboost-model").exists()
    assert [file.suffix for file in killed.checkpoints if file.suffix != ".tmp"] == [".npz"]  # killed while it wrote?
    next(iter(killed.checkpoints)).with_suffix(".tmp").write_bytes(b"half of a checkpoint")

    resumed = killed.run()
    assert resumed.code == 0, resumed.err
    assert 20 <= resumed.reports[0].step < 250
    assert resumed.reports[0].step % 10 == 0
    assert f"resumed after {resumed.reports[0].step} rounds" in resumed.out
    assert (killed.model / "xgboost-model").read_bytes() == (whole.model / "xgboost-model").read_bytes()
    assert killed.checkpoints == []


def test_a_stopped_training_saves_its_work_and_ends_well(make_job, data):
    job = make_job("xgboost", data["cancer"], {**WORDY, **SAMPLED})
    with job.start() as process:
        read_until(process, 5)
        process.send_signal(signal.SIGTERM)
        assert process.stdout is not None
        last = process.stdout.read().splitlines()[-1]
    assert process.returncode == 0
    rounds = load(job).num_boosted_rounds()
    assert 5 < rounds < 250
    assert f"step={rounds - 1};" in last
    assert "test:auc" in last
    assert len(job.checkpoints) == 1

    given = {**WORDY, **SAMPLED, "eta": 0.2, "num_round": 3}
    other = make_job("xgboost", data["cancer"], given, base=job.base).run()
    assert "resumed" not in other.out
    assert other.reports[0].step == 0

    given = {**WORDY, **SAMPLED, "num_round": rounds + 2}
    job = make_job("xgboost", data["cancer"], given, base=job.base)
    resumed = job.run()
    assert f"resumed after {rounds} rounds" in resumed.out
    assert [report.step for report in resumed.reports] == [rounds, rounds + 1, rounds + 1]
    assert job.checkpoints == []


def test_a_stopped_training_goes_on_to_the_same_model_where_every_round_is_kept(make_job, data):
    every = {**WORDY, **SAMPLED, "checkpoint_every": 1}
    whole = make_job("xgboost", data["cancer"], every)
    assert whole.run().code == 0

    stopped = make_job("xgboost", data["cancer"], every)
    with stopped.start() as process:
        read_until(process, 5)
        process.send_signal(signal.SIGTERM)
        process.communicate()
    resumed = stopped.run()
    assert f"resumed after {resumed.reports[0].step} rounds" in resumed.out
    assert (stopped.model / "xgboost-model").read_bytes() == (whole.model / "xgboost-model").read_bytes()


RESUMES = """
import json, pathlib, sys, tempfile
import numpy as np, xgboost as xgb
from boosting import Boosting, Fold
from settings import Settings
from sklearn.datasets import load_breast_cancer
from smtune.container import StopSignal

features, labels = load_breast_cancer(return_X_y=True)
common = {"objective": "binary:logistic", "eval_metric": ["logloss"], "nthread": 1}

def fold(part):
    train, held_out = np.arange(569) % 3 != part, np.arange(569) % 3 == part
    train, held_out = xgb.DMatrix(features[train], labels[train]), xgb.DMatrix(features[held_out], labels[held_out])
    return Fold(train, {"train": train, "validation": held_out})

same = []
for extra, folds, patience in [
    ({"subsample": 0.5, "colsample_bynode": 0.5}, 1, 0),
    ({"booster": "dart", "rate_drop": 0.3, "skip_drop": 0.2}, 1, 0),
    ({"booster": "dart", "rate_drop": 0.3}, 1, 8),
    ({"booster": "gblinear"}, 1, 5),
    ({"subsample": 0.5}, 3, 0),
]:
    settings = Settings({**common, **extra}, 60, patience, folds, 10, 7)
    folds = [fold(part) for part in range(folds)]
    seen = {}
    whole = Boosting(settings, folds, pathlib.Path(tempfile.mkdtemp()) / "c.npz")
    assert whole.run(StopSignal(), lambda scores, step: seen.update({step: dict(scores)}))
    place, stop, again = pathlib.Path(tempfile.mkdtemp()) / "c.npz", StopSignal(), {}
    def announce(scores, step):
        again[step] = dict(scores)
        stop.requested = step == 19
    first = Boosting(settings, folds, place)
    assert not first.run(stop, announce)
    stop.requested = False
    second = Boosting(settings, folds, place)
    assert second.rounds == 20
    assert second.run(stop, announce)
    same.append(seen == again and whole.final_model().save_raw() == second.final_model().save_raw())
print(json.dumps(same))
"""


def test_resuming_is_exact_for_every_booster(run_snippet):
    assert run_snippet("xgboost", RESUMES) == [True] * 5


def test_libsvm_and_missing_values(make_job, run_all, data, tmp_path):
    given = {**BINARY, "num_round": 5}
    sparse, gaps = {}, {}
    for channel in ("train", "validation"):
        table = rows(data["cancer"][channel])
        (tmp_path / "libsvm" / channel).mkdir(parents=True)
        lines = (
            f"{int(row[0])} " + " ".join(f"{i}:{value:.9g}" for i, value in enumerate(row[1:]) if i != 4)
            for row in table
        )
        (tmp_path / "libsvm" / channel / "part-0000").write_text("\n".join(lines) + "\n")
        sparse[channel] = tmp_path / "libsvm" / channel
        (tmp_path / "gaps" / channel).mkdir(parents=True)
        cells = (",".join(f"{value:.9g}" if i != 5 else "" for i, value in enumerate(row)) for row in table)
        (tmp_path / "gaps" / channel / "a.csv").write_text("\n".join(cells) + "\n\n")
        (tmp_path / "gaps" / channel / "_SUCCESS").write_text("")
        gaps[channel] = tmp_path / "gaps" / channel
    jobs = [make_job("xgboost", places, given, contract="toolkit") for places in (sparse, gaps)]
    runs = run_all("xgboost", jobs)
    assert [run.code for run in runs] == [0, 0], runs[0].err + runs[1].err
    assert runs[0].reports == runs[1].reports


def test_the_tuned_metric_is_measured_even_if_nobody_lists_it(make_job, data):
    given = {"objective": "binary:logistic", "num_round": 3}
    tuned = make_job("xgboost", data["cancer"], given, objective="validation:aucpr").run()
    assert {"validation:aucpr", "train:aucpr", "test:aucpr"} <= set(tuned.final)
    listed = {**given, "eval_metric": "error"}
    assert {"validation:aucpr", "validation:error"} <= set(
        make_job("xgboost", data["cancer"], listed, objective="validation:aucpr").run().final
    )
    other = make_job("xgboost", data["cancer"], given, objective="validation:logloss-std").run()
    assert set(other.final) == {"train:logloss", "validation:logloss", "test:logloss"}


def test_aliases_and_sdk_spellings_mean_the_same(run_snippet):
    settings = run_snippet(
        "xgboost",
        """
import json
from settings import read_settings
from smtune.container import Environment
plain = ["--eta", "0.1", "--num_round", "7", "--lambda", "2", "--eval_metric", "auc,error@0.3", "--max_depth", "4"]
other = ["--learning-rate", "0.1", "--n_estimators", "7.0", "--reg_lambda", "2.0", "--eval_metric", '["auc", "error@0.3"]']
other += ["--max_depth", '"4"']
print(json.dumps([vars(read_settings(Environment.current({}, argv))) for argv in (plain, other)]))
""",
    )
    assert settings[0] == settings[1]
    assert settings[0]["booster"] == {"eta": 0.1, "lambda": 2.0, "max_depth": 4, "eval_metric": ["auc", "error@0.3"]}
    assert settings[0]["num_round"] == 7


def test_wrong_hyperparameters_are_refused_before_any_data_is_read(run_snippet):
    cases = {
        "--etta 0.1": "unknown hyperparameter etta: did you mean eta",
        "--max-dept 3": "did you mean max_depth",
        "--xyzzy 1": "known are: alpha",
        "--eta fast": "hyperparameter eta = 'fast': must be a float",
        "--max_depth 3.5": "hyperparameter max_depth = '3.5': must be an int",
        "--num_round 0": "num_round = 0: must be at least 1",
        "--cv_folds -1": "cv_folds = -1: must be at least 0",
        "--eta 0.1 --learning_rate 0.2": "eta and learning_rate mean the same",
    }
    messages = run_snippet(
        "xgboost",
        f"""
import json
from settings import read_settings
from smtune.container import Environment
messages = []
for case in {list(cases)!r}:
    try:
        read_settings(Environment.current({{}}, case.split()))
        messages.append("")
    except ValueError as error:
        messages.append(str(error))
print(json.dumps(messages))
""",
    )
    assert [(case, want in message) for (case, want), message in zip(cases.items(), messages, strict=True)] == [
        (case, True) for case in cases
    ], messages


def test_a_failure_is_left_where_sagemaker_looks(make_job, data):
    job = make_job("xgboost", data["cancer"], {**BINARY, "etta": 0.1})
    run = job.run()
    assert run.code == 1
    assert job.failure.startswith("ValueError: unknown hyperparameter etta: did you mean eta")
    assert "ValueError: unknown hyperparameter etta" in run.err
    assert not (job.model / "xgboost-model").exists()


def test_bad_data_and_bad_values_are_named(check_failures, data, tmp_path):
    train, validation = data["cancer"]["train"], data["cancer"]["validation"]
    places = {}
    for name, text in {"header": "label,a\n1,2\n", "narrow": "1,2\n0,3\n", "empty": "", "binary": "\udcff"}.items():
        places[name] = tmp_path / name
        places[name].mkdir()
        (places[name] / f"{name}.csv").write_text(text, errors="surrogateescape")
    both = {"train": train, "validation": validation}
    numbers = "must hold numbers only, label first, without a header line"
    check_failures(
        "xgboost",
        [
            (both, {**BINARY, "eta": -1}, "XGBoostError: "),
            ({"validation": validation}, BINARY, "LookupError: no channel 'train'; there are: validation"),
            (
                {"train": train},
                BINARY,
                "ValueError: there is nothing to validate on: add a channel named validation, or",
            ),
            ({"train": train, "validation": places["header"]}, BINARY, f"header.csv: {numbers}"),
            ({"train": train, "validation": places["binary"]}, BINARY, f"binary.csv: {numbers}"),
            (
                {"train": train, "validation": places["narrow"]},
                BINARY,
                "ValueError: channels must have the same columns",
            ),
            ({"train": train, "validation": places["empty"]}, BINARY, "ValueError: channel 'validation' holds no data"),
            ({"train": places["narrow"]}, {**BINARY, "cv_folds": 3}, "channel train has 2 rows only"),
        ],
    )


def test_regression_without_any_hyperparameter(make_job, data):
    job = make_job("xgboost", data["diabetes"], {}, contract="toolkit")
    run = job.run()
    assert run.code == 0, run.err
    assert math.isfinite(run.final["test:rmse"])
    assert load(job).num_boosted_rounds() == 100
    assert json.loads(load(job).save_config())["learner"]["objective"]["name"] == "reg:squarederror"


def test_every_repeat_has_a_seed_of_its_own(run_snippet):
    seeds = run_snippet(
        "xgboost",
        """
import json
from settings import read_settings
from smtune.container import Environment
environments = [Environment.current({"SMTUNE_REPEAT": text}, ["--seed", "7"]) for text in ("0", "2")]
print(json.dumps([read_settings(environment).seed for environment in environments]))
""",
    )
    assert seeds == [7, 9]
