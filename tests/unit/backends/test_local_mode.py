"""Jobs under SageMaker's container contract on this machine: what trials find, what is read of them, what is told first."""

import gzip
import json
import os
import re
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from smtune import TuningSpec, attach, resume, tune
from smtune.backends import LocalBackend, LocalModeBackend
from smtune.errors import JobFailedError, LoweringError, SpecError
from smtune.results import JobStatus, TuningResult
from smtune.sandbox import Rule, docker
from smtune.sandbox.namespace import unavailable
from smtune.store import JobDirectory, names
from smtune.trial import Trial, TrialStatus

NAMESPACES = pytest.mark.skipif(unavailable() is not None, reason=str(unavailable()))
ISOLATIONS = [pytest.param("namespace", marks=NAMESPACES), "rewrite"]

LOOK = """
import json, os, sys
from smtune.container import hyperparameters, model_dir, report
seen = {"argv": sys.argv, "cwd": os.getcwd(), "environment": dict(os.environ)}
with open(os.path.join(model_dir(), "seen.json"), "w") as file:
    json.dump(seen, file)
report({"loss": (hyperparameters({"rate": 0.5})["rate"] - 0.3) ** 2})
"""


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SMTUNE_HOME", str(tmp_path / "home"))


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "train.py").write_text(LOOK)
    return folder


def spec(code: Path, script: str | None = None, **changes: Any) -> TuningSpec:
    if script is not None:
        (code / "train.py").write_text(script)
    fields: dict[str, Any] = {
        "name": "churn",
        "objective": {"metric": "loss", "goal": "Minimize"},
        "parameters": {"rate": {"type": "continuous", "min": 0, "max": 1}},
        "strategy": "random",
        "limits": {"max_trials": 1},
        "seed": 3,
    }
    training = {"source_dir": str(code), "entry_point": "train.py"}
    return TuningSpec.from_dict({**fields, "training": training | changes.pop("training", {}), **changes})


def run(job_spec: TuningSpec, **settings: Any) -> TuningResult:
    result: TuningResult = tune(job_spec, backend=LocalModeBackend(**settings)).wait(progress=False)
    return result


def folder_of(number: int = 0, name: str = "churn") -> Path:
    return JobDirectory(name).trial(number)


def seen(number: int = 0) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder_of(number) / "model/seen.json").read_text())
    return document


def packed(archive: Path) -> list[str]:
    with tarfile.open(archive) as file:
        return sorted(file.getnames())


# --- the same job as with backend local ---------------------------------------------------------------------------

STEPS = """
from smtune.container import hyperparameters, report
rate = hyperparameters({"rate": 0.5})["rate"]
for step in range(6):
    report({"loss": (rate - 0.3) ** 2 + 1 / (step + 1)}, step=step)
"""


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_the_same_seed_gives_the_same_trials_and_result_as_backend_local(code: Path, isolation: str) -> None:
    changes: dict[str, Any] = {
        "strategy": {"type": "evolutionary", "population": 4},
        "limits": {"max_trials": 12},
        "early_stopping": {"type": "asha"},
        "baseline": {"rate": 0.9},
        "repeats": 2,
    }
    local = tune(spec(code, STEPS, name="local", **changes)).wait(progress=False)
    mode = run(spec(code, STEPS, name="mode", **changes), isolation=isolation)
    told = [
        [(one.number, one.parameters, one.status, one.objective, one.metrics, one.origin) for one in result.trials]
        for result in (local, mode)
    ]
    assert told[0] == told[1]
    assert local.best is not None
    assert mode.best is not None
    assert (local.best.number, local.best.objective) == (mode.best.number, mode.best.objective)
    assert (mode.backend, mode.isolation, mode.place) == ("local-mode", isolation, f"local-mode ({isolation})")
    assert local.isolation is None


def test_a_preloaded_script_comes_to_the_same(code: Path) -> None:
    fresh = run(spec(code, name="fresh", limits={"max_trials": 3}))
    forked = run(spec(code, name="forked", limits={"max_trials": 3}, training={"preload": True}))
    assert [one.objective for one in forked.trials] == [one.objective for one in fresh.trials]
    assert all(one.status is TrialStatus.Completed for one in forked.trials)


# --- what a trial finds -------------------------------------------------------------------------------------------


@NAMESPACES
def test_a_trial_finds_what_a_training_job_finds(code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/rows.csv").write_text("1,2\n")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden")
    monkeypatch.setenv("AWS_PROFILE", "mine")
    channels = {"train": {"source": str(tmp_path / "data"), "content_type": "text/csv"}}
    cloud = {"instance_type": "ml.m5.xlarge", "quoting": "json", "region": "eu-west-1"}
    static = {"kind": "tree", "deep": True}
    run(spec(code, static=static, training={"channels": channels, "environment": {"MINE": "1"}}, sagemaker=cloud))
    found = seen()
    variables = found["environment"]
    assert found["cwd"] == "/opt/ml/code"
    assert found["argv"][:5] == ["train.py", "--deep", "True", "--kind", "tree"]
    assert found["argv"][5] == "--rate"
    assert variables["SM_CHANNEL_TRAIN"] == "/opt/ml/input/data/train"
    assert variables["SM_CURRENT_HOST"] == "algo-1"
    assert variables["SM_CURRENT_INSTANCE_TYPE"] == "ml.m5.xlarge"
    assert (variables["AWS_REGION"], variables["MINE"]) == ("eu-west-1", "1")
    assert not {"AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"} & variables.keys()
    config = folder_of() / "input/config"
    texts = json.loads((config / "hyperparameters.json").read_text())
    assert (texts["kind"], texts["sagemaker_program"]) == ('"tree"', '"train.py"')
    assert texts["_tuning_objective_metric"] == "loss"
    assert json.loads((config / "inputdataconfig.json").read_text())["train"]["ContentType"] == "text/csv"
    assert not Path("/opt/ml/input").exists()


def test_paths_are_rewritten_where_there_are_no_namespaces(code: Path) -> None:
    run(spec(code), isolation="rewrite")
    assert seen()["cwd"] == str(folder_of() / "code")
    assert seen()["environment"]["SM_MODEL_DIR"] == str(folder_of() / "model")


def test_what_a_trial_leaves_is_kept_and_packed_as_sagemaker_does(code: Path) -> None:
    script = LOOK + "open(os.environ['SM_OUTPUT_DATA_DIR'] + '/curve.txt', 'w').write('1')\n"
    run(spec(code, script))
    assert packed(folder_of() / "model.tar.gz") == ["seen.json"]
    assert packed(folder_of() / "output.tar.gz") == ["curve.txt"]
    assert attach("churn").best_model() == str(folder_of() / "model")


def test_a_failed_trial_says_what_its_failure_file_does_and_leaves_no_model(code: Path) -> None:
    script = LOOK + "open(os.environ['SM_OUTPUT_DIR'] + '/failure', 'w').write('no convergence'); sys.exit(7)\n"
    with pytest.raises(JobFailedError):
        run(spec(code, script))
    (trial,) = attach("churn").result().trials
    assert trial.failure_reason == "exit code 7: no convergence"
    assert not (folder_of() / "model.tar.gz").exists()


# --- channels and hosts -------------------------------------------------------------------------------------------

READ = """
import json, os, sys
from smtune.container import model_dir, report
root = os.environ["SM_INPUT_DIR"] + "/data"
{0}
report({{"loss": 1.0}})
"""


def test_a_piped_channel_comes_through_a_pipe(code: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for name, text in (("b", "2\n"), ("a", "1\n")):
        (tmp_path / f"data/{name}.gz").write_bytes(gzip.compress(text.encode()))
    script = READ.format("for epoch in range(2): print('read', open(f'{root}/train_{epoch}').read().split())")
    channel = {"source": str(tmp_path / "data"), "input_mode": "Pipe", "compression": "Gzip"}
    run(spec(code, script, training={"channels": {"train": channel}}))
    assert list(attach("churn").logs(0))[:2] == ["read ['1', '2']"] * 2


@NAMESPACES
def test_a_streamed_channel_cannot_be_written(code: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    script = READ.format("open(f'{root}/train/new', 'w')")
    channel = {"source": str(tmp_path / "data"), "input_mode": "FastFile"}
    with pytest.raises(JobFailedError, match="Read-only file system"):
        run(spec(code, script, training={"channels": {"train": channel}}))


HOSTS = """
import os, socket
from smtune.container import Environment, model_dir, report
here = Environment.current()
print(here.current_host, sorted(os.listdir(os.environ["SM_CHANNEL_TRAIN"])))
with open(os.path.join(model_dir(), here.current_host), "w") as file:
    file.write(",".join(here.hosts))
{0}
report({{"loss": 1.0}})
"""


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_several_instances_are_processes_with_a_share_of_the_data(code: Path, tmp_path: Path, isolation: str) -> None:
    (tmp_path / "data").mkdir()
    for name in "abc":
        (tmp_path / "data" / name).write_text(name)
    channel = {"source": str(tmp_path / "data"), "distribution": "ShardedByS3Key"}
    cloud = {"instance_type": "ml.m5.large", "instance_count": 2}
    result = run(
        spec(code, HOSTS.format(""), training={"channels": {"train": channel}}, sagemaker=cloud), isolation=isolation
    )
    assert result.status is JobStatus.Completed
    lines = list(attach("churn").logs(0))
    assert {"algo-1 ['a', 'c']", "algo-2 ['b']"} <= set(lines)
    assert packed(folder_of() / "model.tar.gz") == ["algo-1", "algo-2"]
    assert (folder_of() / "model/algo-2").read_text() == "algo-1,algo-2"


def test_a_host_that_fails_ends_the_others_and_tells_why(code: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    failing = """
import signal, sys
if here.current_host == "algo-1":
    signal.pause()
open(os.environ["SM_OUTPUT_DIR"] + "/failure", "w").write("the second host")
sys.exit(3)
"""
    channels = {"train": str(tmp_path / "data")}
    cloud = {"instance_type": "ml.m5.large", "instance_count": 2}
    with pytest.raises(JobFailedError, match="exit code 3: the second host"):
        run(spec(code, HOSTS.format(failing), training={"channels": channels}, sagemaker=cloud))


def test_hosts_that_are_stopped_may_each_take_their_time(code: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    waiting = """
import pathlib, signal, sys
peer = pathlib.Path(os.environ["SM_CHANNEL_TRAIN"]).resolve() / "peer"
def save(*_):
    while peer.exists() and pathlib.Path("/proc", peer.read_text()).exists():
        pass  # until the other one is gone, and was waited for
    with open(os.environ["SM_OUTPUT_DATA_DIR"] + "/saved", "w") as file:
        file.write("all")
    sys.exit(0)
if here.current_host == "algo-1":
    peer.write_text(str(os.getpid()))
else:
    signal.signal(signal.SIGTERM, save)
report({"loss": float(here.current_host[-1])})
signal.pause()
"""
    cloud = {"instance_type": "ml.m5.large", "instance_count": 2}
    changes: dict[str, Any] = {"training": {"channels": {"train": str(tmp_path / "data")}}, "sagemaker": cloud}
    job = tune(spec(code, HOSTS.format(waiting), **changes), backend="local-mode")

    def stop(_: Trial) -> None:
        if len(list(job.logs(0))) == 4:  # both have come to wait
            job.stop()

    assert job.backend.wait(job.name, listener=stop).status is JobStatus.Stopped
    assert packed(folder_of() / "output.tar.gz") == ["saved"]


# --- images without a script --------------------------------------------------------------------------------------


def image_spec(image: str, **changes: Any) -> TuningSpec:
    training = {"image": image, **changes.pop("training", {})}
    return TuningSpec.from_dict({**spec(Path()).to_dict(), "training": training, **changes})


def test_the_built_in_algorithm_of_aws_trains_without_a_script(tmp_path: Path) -> None:
    pytest.importorskip("xgboost")
    for channel in ("train", "validation"):
        (tmp_path / channel).mkdir()
        rows = [f"{row % 2},{row % 2 + row / 100},{(row * 7) % 5}\n" for row in range(40)]
        (tmp_path / channel / "rows.csv").write_text("".join(rows))
    channels = {name: {"source": str(tmp_path / name), "content_type": "text/csv"} for name in ("train", "validation")}
    job_spec = image_spec(
        "xgboost:3.0-5",
        objective={"metric": "validation:auc", "goal": "Maximize"},
        parameters={"eta": {"type": "continuous", "min": 0.1, "max": 0.5}},
        static={"num_round": 2, "objective": "binary:logistic"},
        training={"channels": channels},
    )
    result = run(job_spec)
    assert result.best is not None
    assert result.best.objective == 1.0
    assert set(result.best.metrics) == {"validation:auc"}
    assert packed(folder_of() / "model.tar.gz") == ["xgboost-model"]


PRINT = """
import json
texts = json.load(open("/opt/ml/input/config/hyperparameters.json"))
print("loss=" + texts["rate"])
"""


@NAMESPACES
def test_an_image_is_what_a_rule_says_also_when_the_job_goes_on(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PRINT + "import os; os.path.exists('gate') or os._exit(1)")
    gate = tmp_path / "gate"
    rule = Rule("mine:*", command=(sys.executable, str(tmp_path / "program.py")))
    (tmp_path / "program.py").write_text(PRINT + f"open({str(gate)!r}).read()\n")
    os.mkfifo(gate)
    job_spec = image_spec("mine:1", metrics={"loss": r"loss=(\S+)"}, limits={"max_trials": 2})
    job = tune(job_spec, backend=LocalModeBackend(rules=[rule]))
    job.backend.wait(job.name, timeout=0.0)
    job.stop()
    assert job.wait(progress=False).status is JobStatus.Stopped
    gate.unlink()
    gate.touch()
    result = resume("churn").wait(progress=False)
    assert result.counts["Completed"] == 2
    assert all(trial.objective == trial.parameters["rate"] for trial in result.trials)


@pytest.mark.parametrize(
    ("image", "rule", "fix"),
    [
        ("mine:1", "stands for no program", "LocalModeBackend(rules=["),
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com/mine:1", "stands for no program", "training.entry_point"),
    ],
)
def test_an_unknown_image_is_refused_with_the_rule_to_add(image: str, rule: str, fix: str) -> None:
    with pytest.raises(SpecError) as caught:
        LocalModeBackend().plan(image_spec(image, metrics={"loss": r"loss=(\S+)"}))
    (problem,) = caught.value.problems
    assert problem.field == "training.image"
    assert rule in problem.rule
    assert fix in problem.fix
    assert not names()


ENGINE = """#!/bin/sh
echo "$@" >> {calls}
case "$1" in
    version) echo 20.10 ;;
    image) test "$3" = mine:1 ;;
    run) echo loss=0.5 ;;
esac
"""


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have a program named docker that has one image; return the file of what it was asked."""
    (tmp_path / "bin").mkdir()
    calls = tmp_path / "calls"
    (tmp_path / "bin/docker").write_text(ENGINE.format(calls=calls))
    (tmp_path / "bin/docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    return calls


def test_an_image_is_run_by_an_engine_that_has_it(engine: Path) -> None:
    metrics = {"loss": r"loss=(\S+)"}
    result = run(image_spec("mine:1", metrics=metrics))
    assert (result.isolation, result.trials[0].objective) == ("docker", 0.5)
    called = [line.split()[:2] for line in engine.read_text().splitlines()]
    assert ["ps", "--all"] in called  # whether anything was left by somebody who was killed
    assert [call[0] for call in called][-3:] == ["run", "inspect", "rm"]
    assert re.fullmatch(r"rm .* smtune-churn-000-\w+-algo-1", engine.read_text().splitlines()[-1])
    with pytest.raises(SpecError, match="stands for no program"):
        LocalModeBackend().plan(image_spec("mine:2", metrics=metrics))
    with pytest.raises(SpecError, match="image mine:2: the engine has no such image"):
        LocalModeBackend(isolation="docker").plan(image_spec("mine:2", metrics=metrics))


def test_a_script_that_imports_smtune_brings_it_into_its_container(engine: Path, code: Path) -> None:
    cloud = {"image": "mine:1"}
    result = run(spec(code, metrics={"loss": r"loss=(\S+)"}, sagemaker=cloud, limits={"max_trials": 2}))
    assert (result.isolation, result.counts["Completed"]) == ("docker", 2)
    for number in (0, 1):
        inside = folder_of(number) / "code"
        assert (inside / "train.py").read_text() == LOOK
        assert (inside / "smtune/container/reporting.py").is_file()
        assert not inside.is_symlink()
        texts = json.loads((folder_of(number) / "input/config/hyperparameters.json").read_text())
        assert texts["sagemaker_submit_directory"] == "/opt/ml/code"
    assert not (JobDirectory("churn").code / "smtune").exists()


def test_a_rule_counts_more_than_an_engine(engine: Path) -> None:
    metrics = {"loss": r"loss=(\S+)"}
    printing = Rule("mine:1", command=("echo", "loss=0.25"))
    assert run(image_spec("mine:1", metrics=metrics), rules=[printing]).trials[0].objective == 0.25
    contained = Rule("*", kind="docker")
    assert LocalModeBackend(rules=[contained]).plan(image_spec("mine:1", metrics=metrics)).isolation == "docker"
    with pytest.raises(SpecError, match="no such image"):
        LocalModeBackend(rules=[contained]).plan(image_spec("mine:2", metrics=metrics))


def test_containers_are_limited_and_nothing_else_can_be(engine: Path, code: Path) -> None:
    limits = docker.Limits(memory_mb=512, cpus=1.5)
    plan = LocalModeBackend(containers=limits).plan(image_spec("mine:1", metrics={"loss": r"loss=(\S+)"}))
    backend = LocalModeBackend()  # what was planned counts
    backend.wait(backend.submit(plan))
    (call,) = (line for line in engine.read_text().splitlines() if line.startswith("run "))
    assert "--memory=512m" in call
    assert "--cpus=1.5" in call
    with pytest.raises(SpecError, match="use isolation docker"):
        LocalModeBackend(isolation="rewrite", containers=limits).plan(spec(code))


def test_containers_of_several_hosts_share_a_network_and_are_all_removed(engine: Path) -> None:
    cloud = {"instance_type": "ml.m5.large", "instance_count": 2}
    assert run(image_spec("mine:1", metrics={"loss": r"loss=(\S+)"}, sagemaker=cloud)).isolation == "docker"
    called = engine.read_text().splitlines()
    (created,) = (line.split()[-1] for line in called if line.startswith("network create"))
    runs = [line for line in called if line.startswith("run ")]
    assert len(runs) == 2
    assert all(f"--network={created}" in line for line in runs)
    assert {line.split()[-1] for line in called if line.startswith("rm ")} == {f"{created}-algo-{n}" for n in (1, 2)}
    assert called[-1] == f"network rm {created}"


# --- metrics ------------------------------------------------------------------------------------------------------


def test_metrics_are_those_that_the_training_job_defines(code: Path) -> None:
    script = "from smtune.container import report\nreport({'loss': 0.5, 'other': 1.0, 'test:loss': 0.6}, step=4)\n"
    (trial,) = run(spec(code, script)).trials
    assert (trial.metrics, trial.step) == ({"loss": 0.5, "test:loss": 0.6}, 4)
    (trial,) = run(spec(code, script, name="listed", metrics=["loss", "other"])).trials
    assert trial.metrics == {"loss": 0.5, "other": 1.0}


def test_metrics_are_read_as_cloudwatch_shows_the_lines(code: Path) -> None:
    script = "print('[0]\\tloss:0.25')"
    assert run(spec(code, script, metrics={"loss": r"#011loss:(\S+)"})).trials[0].objective == 0.25
    tabbed = spec(code, script, name="tab", metrics={"loss": r"\tloss:(\S+)"})
    (warning,) = LocalModeBackend().plan(tabbed).warnings
    assert "#011" in warning
    with pytest.raises(JobFailedError, match="never reported the objective"):
        run(tabbed)


def test_an_objective_without_a_definition_is_refused(code: Path) -> None:
    with pytest.raises(SpecError) as caught:
        LocalModeBackend().plan(spec(code, metrics={"auc": r"auc=(\S+)"}))
    (problem,) = caught.value.problems
    assert (problem.field, problem.value) == ("objective.metric", "loss")
    assert "there is auc" in problem.rule
    assert "metrics.loss" in problem.fix
    with pytest.raises(SpecError, match=r"there is validation:.* and \d+ more; did you mean 'validation:auc'"):
        LocalModeBackend().plan(image_spec("xgboost:3.0-5", objective={"metric": "validation:au", "goal": "max"}))


@pytest.mark.parametrize("metrics", [{}, {"loss": r"loss=([^;]+)"}])
def test_what_the_search_follows_is_defined_too(code: Path, metrics: dict[str, str]) -> None:
    script = """
from smtune.container import hyperparameters, report
rate = hyperparameters({"rate": 0.5})["rate"]
report({"loss": (rate - 0.3) ** 2}, hypergradient={"rate": 2 * (rate - 0.3)})
"""
    result = run(spec(code, script, strategy="gradient", limits={"max_trials": 8}, metrics=metrics))
    assert result.best is not None
    assert result.best.objective == pytest.approx(0.0, abs=1e-6)


# --- what is told first -------------------------------------------------------------------------------------------


def test_a_plan_says_what_gives_trials_their_folder_and_which_metrics_are_read(code: Path) -> None:
    plan = LocalModeBackend(isolation="rewrite").plan(spec(code))
    assert (plan.backend, plan.isolation) == ("local-mode", "rewrite")
    assert plan.schedule == (
        "rewrite: every trial has a folder of its own, whose path replaces /opt/ml in arguments and variables",
        "metrics, by the training job's expressions: loss, test:loss",
    )
    assert TuningSpec.from_dict(plan.request) == plan.spec
    assert not names()


def test_a_plan_names_the_first_of_many_metrics(tmp_path: Path) -> None:
    objective = {"metric": "validation:rmse", "goal": "Minimize"}
    plan = LocalModeBackend(isolation="rewrite").plan(image_spec("xgboost:3.0-5", objective=objective))
    assert re.fullmatch(r"metrics, .*: validation:rmse(, validation:\w+){5} and \d+ more", plan.schedule[-1])


def test_a_holdout_that_is_not_read_is_told(code: Path) -> None:
    objective = {"metric": "loss", "goal": "Minimize", "holdout": "held:loss"}
    (warning,) = LocalModeBackend().plan(spec(code, objective=objective, metrics={"loss": r"loss=(\S+)"})).warnings
    assert warning == "objective.holdout = held:loss: has no definition in metrics, and is not read"


def test_what_the_isolation_cannot_give_is_told(code: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    cloud = {
        "network_isolation": True,
        "request": {"Autotune": {"Mode": "Enabled"}},
        "input_mode": "FastFile",
        "instance_type": "ml.m5.large",
        "instance_count": 2,
    }
    job_spec = spec(code, sagemaker=cloud, training={"channels": {"train": str(tmp_path / "data")}})
    network, words, hosts, data = LocalModeBackend(isolation="rewrite").plan(job_spec).warnings
    assert network.startswith("sagemaker.network_isolation: ")
    assert words == "sagemaker.request.Autotune: is for AWS, and changes nothing here"
    assert hosts.startswith("sagemaker.instance_count = 2: ")
    assert data.startswith("training.channels.train: is read-only on SageMaker")


@pytest.mark.parametrize(
    ("changes", "field", "fix"),
    [
        ({"channels": {"train": "s3://bucket/train"}}, "training.channels.train", "copy it here"),
        ({"source_dir": "s3://bucket/code.tar.gz"}, "training.source_dir", "copy it here"),
        ({"output": "s3://bucket/models"}, "training.output", "name a folder"),
    ],
)
def test_what_lies_in_s3_is_refused_with_a_way_out(code: Path, changes: Any, field: str, fix: str) -> None:
    with pytest.raises(LoweringError) as caught:
        LocalModeBackend().plan(spec(code, training=changes))
    (problem,) = caught.value.problems
    assert problem.field == field
    assert fix in problem.fix
    assert "local-mode" in problem.rule


@pytest.mark.parametrize(
    ("channel", "field"),
    [
        ({"record_wrapper": "RecordIO"}, "training.channels.train.record_wrapper"),
        ({"data_type": "AugmentedManifestFile"}, "training.channels.train.data_type"),
        ({"data_type": "ManifestFile"}, "training.channels.train.data_type"),
    ],
)
def test_channels_that_cannot_be_had_here_are_refused(code: Path, tmp_path: Path, channel: Any, field: str) -> None:
    with pytest.raises(SpecError) as caught:
        LocalModeBackend().plan(spec(code, training={"channels": {"train": {"source": str(tmp_path), **channel}}}))
    assert [problem.field for problem in caught.value.problems] == [field]


def test_an_isolation_that_cannot_be_had_is_refused_with_the_reason(
    code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SpecError, match="isolation = jail"):
        LocalModeBackend(isolation="jail").plan(spec(code))  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="the job names no image"):
        LocalModeBackend(isolation="docker").plan(spec(code))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert docker.unavailable() is not None
    with pytest.raises(SpecError, match="there is no program named docker; use auto"):
        LocalModeBackend(isolation="docker").plan(spec(code, sagemaker={"image": "mine:1"}))
    assert not names()


def test_hosts_are_as_many_as_this_machine_can_be(code: Path) -> None:
    with pytest.raises(SpecError) as caught:
        LocalModeBackend().plan(spec(code, sagemaker={"instance_count": 1_000_000_000}))
    assert [problem.field for problem in caught.value.problems] == ["sagemaker.instance_count"]


def test_checkpoints_must_lie_within_the_contract(code: Path) -> None:
    cloud = {"checkpoints": "s3://bucket/kept", "checkpoint_path": "/var/kept"}
    with pytest.raises(SpecError) as caught:
        LocalModeBackend().plan(spec(code, sagemaker=cloud))
    assert [problem.field for problem in caught.value.problems] == ["sagemaker.checkpoint_path"]


def test_a_function_needs_backend_local(code: Path) -> None:
    with pytest.raises(SpecError, match="use backend local"):
        tune(spec(code), backend="local-mode", function=lambda _: 0.0)


def test_only_its_own_backend_goes_on_with_a_job(code: Path) -> None:
    backend = LocalModeBackend()
    name = backend.submit(backend.plan(spec(code, "import signal; print('begun'); signal.pause()")))
    backend.stop(name)
    assert backend.wait(name).status is JobStatus.Stopped
    assert LocalBackend().poll(name) == backend.poll(name)
    with pytest.raises(SpecError, match="use backend local-mode"):
        LocalBackend().resume(name)
