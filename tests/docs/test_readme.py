"""Every block of the README does what it says."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import boto3
import pytest
import yaml

from smtune.emulator.configuration import read_settings
from smtune.spec import Completion, Limits, MedianConfig, Repeats, Selection, TuningSpec, WarmStart, read_strategy
from smtune.spec.files import read_mapping
from smtune.spec.stopping import read_early_stopping
from smtune.spec.strategies import STRATEGY_CONFIGS, Preset
from smtune.store import FileWatch, JobDirectory
from tests.services.tuning_service import TuningService
from tests.unit.adapters.sdk_objects import Estimator, Tuner2
from tests.unit.amt.recordings import recorded

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def blocks(language):
    found = re.findall(r"^```(\w*)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
    return [text for marked, text in found if marked == language]


def block_with(key):
    """Return the YAML that has this key."""
    (found,) = (text for text in blocks("yaml") if re.search(rf"^{key}:", text, flags=re.MULTILINE))
    return found


def shell_lines():
    return [line.partition("#")[0].split() for block in blocks("") for line in block.splitlines() if line.strip()]


def test_the_yaml_is_a_legal_spec(tmp_path):
    text = block_with("name")
    (tmp_path / "tuning.yaml").write_text(text)
    spec = TuningSpec.from_dict(read_mapping(tmp_path / "tuning.yaml"))
    assert spec.planned_trials == 40
    assert spec.training is not None
    assert (ROOT / spec.training.source_dir / str(spec.training.entry_point)).is_file()


def test_the_keys_that_stop_trials_and_jobs_belong_to_it(tmp_path):
    stopping = block_with("early_stopping")
    (tmp_path / "tuning.yaml").write_text(block_with("name") + stopping)
    spec = TuningSpec.from_dict(read_mapping(tmp_path / "tuning.yaml"))
    assert spec.early_stopping == MedianConfig()
    assert spec.completion == Completion(target=0.95, not_improving=15)
    rules = re.findall(r"\{type: (?:median|plateau|asha).*?\}", stopping)
    assert len(rules) == 3
    for rule in rules:
        assert read_early_stopping(yaml.safe_load(rule)) is not None


def test_the_strategies_of_the_table_are_all_there_are():
    table = README.partition("| `strategy` |")[2].partition("\n\n")[0]
    named = [name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert sorted(named) == sorted(STRATEGY_CONFIGS)
    for text in re.findall(r"`(\{type: .*?\})`", table):
        config = read_strategy(yaml.safe_load(text))
        assert config.type == "chain"
    for preset in get_args(Preset):
        assert preset in table


def test_the_limits_of_time_and_money_are_legal():
    found = [Limits(**yaml.safe_load(text)) for text in re.findall(r"`limits: (\{.*?\})`", README)]
    assert found == [Limits(max_runtime_seconds=3600), Limits(max_cost_usd=5, usd_per_hour=0.23)]


def test_the_key_that_names_earlier_jobs_belongs_to_it(tmp_path):
    (tmp_path / "tuning.yaml").write_text(block_with("name") + block_with("warm_start"))
    warm_start = TuningSpec.from_file(tmp_path / "tuning.yaml").warm_start
    assert warm_start == WarmStart(parents=["churn-1", str(tmp_path / "old.json")])


def test_the_keys_of_noisy_scores_belong_to_it(tmp_path):
    noisy = block_with("repeats")
    for name, block in (("job", block_with("name")), ("noisy", noisy)):
        (tmp_path / f"{name}.yaml").write_text(block)
    job, keys = (read_mapping(tmp_path / f"{name}.yaml") for name in ("job", "noisy"))
    spec = TuningSpec.from_dict({**job, **keys})
    assert spec.repeats == Repeats(min=1, max=5)
    assert spec.selection == Selection(prefer="seconds")
    assert spec.objective.holdout_metric == TuningSpec.from_dict(job).objective.holdout_metric
    for rule in re.findall(r"\{rule: .*?\}", noisy):
        chosen = TuningSpec.from_dict({**job, "selection": yaml.safe_load(rule)})
        assert chosen.selection == Selection(prefer="max_depth")


PROGRAMS = [text for text in blocks("python") if "from_tuner" not in text]


@pytest.mark.parametrize("code", PROGRAMS, ids=range(len(PROGRAMS)))
def test_the_python_runs(code, tmp_path, monkeypatch):
    monkeypatch.setenv("SMTUNE_HOME", str(tmp_path / "home"))
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def with_data(folder):
    """Lay out the file that is shown, with its script and some data."""
    text = block_with("name")
    (folder / "tuning.yaml").write_text(text)
    shutil.copytree(ROOT / "training_containers", folder / "training_containers")
    for channel, rows in (("train", 60), ("validation", 30), ("test", 30)):
        (folder / "data" / channel).mkdir(parents=True)
        lines = [f"{row % 2},{(row * 7) % 11},{(row * 5) % 13 + row % 2}\n" for row in range(rows)]
        (folder / "data" / channel / "rows.csv").write_text("".join(lines))


def test_the_commands_under_the_container_contract_do_their_work(tmp_path, monkeypatch):
    monkeypatch.setenv("SMTUNE_HOME", str(tmp_path / "home"))
    with_data(tmp_path)
    commands = [line for line in shown_lines() if "local-mode" in line]
    assert len(commands) == 2
    for name, command in zip(("first", "second"), commands, strict=True):
        fewer = ("--name", name, "--set", "limits.max_trials=2", "--set", "static.num_round=3")
        done = subprocess.run(
            [sys.executable, "-m", *command, *fewer],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert f"{name} Completed: 2 of 2 trials" in done.stdout
        assert "where    local-mode (" in done.stdout


def test_a_tuner_of_the_sdk_trains_here(tmp_path, monkeypatch, capsys):
    (code,) = (text for text in blocks("python") if "from_tuner" in text)
    script = tmp_path / "train.py"
    script.write_text('import sys\nprint("validation:loss=" + sys.argv[sys.argv.index("--min_samples_leaf") + 1])\n')
    (tmp_path / "data" / "train").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SMTUNE_HOME", str(tmp_path / "home"))
    estimator = Estimator(entry_point="train.py", source_dir=str(tmp_path))
    names: dict[str, Any] = {"tuner": Tuner2(estimator, recorded("v2_sklearn_script"))}
    exec(code, names)
    assert "min_samples_leaf" in capsys.readouterr().out
    (tmp_path / "tuning.json").write_text(json.dumps(names["spec"].to_dict()))
    assert TuningSpec.from_file(tmp_path / "tuning.json") == names["spec"]


def test_the_commands_do_their_work_on_the_file_that_is_shown(tmp_path, monkeypatch):
    monkeypatch.setenv("SMTUNE_HOME", str(tmp_path / "home"))
    with_data(tmp_path)
    commands = {line[1]: line for line in shell_lines() if line[0] == "smtune"}
    assert set(commands) == {"run", "show", "best", "logs", "watch", "stop", "resume"}

    def smtune(*arguments):
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def result(*arguments, status=0):
        process = smtune(*arguments)
        out, err = process.communicate(timeout=300)
        assert process.returncode == status, err
        return out

    run = smtune(*commands["run"], "--set", "limits.max_trials=6", "--set", "static.num_round=20")
    directory = JobDirectory("churn")
    directory.make()
    with FileWatch([directory.path]) as watch:
        while not directory.log(0).exists():
            assert run.poll() is None, run.communicate()[1]
            watch.wait(0.5)
    run.send_signal(signal.SIGSTOP)  # it might have ended before the command has begun
    try:
        result(*commands["stop"])
    finally:
        run.send_signal(signal.SIGCONT)
    out, err = run.communicate(timeout=300)
    assert run.returncode == 1, err  # stopped is not success
    assert "smtune resume churn" in out
    assert "6 of 6 trials" in result(*commands["resume"])
    result(*commands["watch"])
    assert "validation:auc" in result(*commands["show"])
    assert set(json.loads(result(*commands["best"]))["parameters"]) == {"eta", "max_depth", "subsample", "booster"}
    assert "smtune: " in result(*commands["logs"])


def test_the_plan_is_what_is_printed(tmp_path):
    (strategy,) = [block for block in blocks("yaml") if block.startswith("strategy:")]
    text = re.sub(r"^strategy:.*\n", strategy, blocks("yaml")[0], flags=re.MULTILINE)
    (tmp_path / "tuning.yaml").write_text(text)
    shutil.copytree(ROOT / "training_containers", tmp_path / "training_containers")
    for channel in ("train", "validation", "test"):
        (tmp_path / "data" / channel).mkdir(parents=True)
    command = [sys.executable, "-m", "smtune", "plan", "tuning.yaml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout in blocks("text")


def on_sagemaker(folder):
    """Write the job of the first block with the block for SageMaker, and the data that it names."""
    job = re.sub(r"^strategy:.*\n", "", block_with("name"), flags=re.MULTILINE)
    (folder / "tuning.yaml").write_text(job + block_with("sagemaker"))
    shutil.copytree(ROOT / "training_containers", folder / "training_containers")
    for channel in ("train", "validation", "test"):
        (folder / "data" / channel).mkdir(parents=True)
        rows = [f"{row % 2},{(row * 7) % 11}\n" for row in range(40)]
        (folder / "data" / channel / "rows.csv").write_text("".join(rows))


def shown_lines():
    return [line.partition("#")[0].split() for block in blocks("sh") for line in block.splitlines()]


@pytest.fixture
def without_aws(monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith(("AWS_", "SAGEMAKER_"))]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SMTUNE_HOME", str(tmp_path / "home"))


def test_the_check_finds_what_is_printed(tmp_path, without_aws):
    on_sagemaker(tmp_path)
    ((regex, line),) = re.findall(r"""With `metrics: (\{.*?\})` and a script that prints\n`(.*?)`""", README)
    (tmp_path / "train.log").write_text(f"{line}\n")
    command = [
        sys.executable,
        "-m",
        "smtune",
        "check",
        "tuning.yaml",
        "--set",
        f"metrics={regex}",
        "--log",
        "train.log",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 2
    assert done.stdout in blocks("text")


def test_the_commands_for_sagemaker_do_what_they_say(tmp_path, without_aws, monkeypatch):
    on_sagemaker(tmp_path)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-to-be-told")
    commands = {
        line[1]: line
        for line in shown_lines()
        if line[1] != "emulator" and line[-1] != "moto" and "local-mode" not in line
    }
    assert set(commands) == {"check", "plan", "run", "submit", "attach", "forget"}

    with TuningService() as service:
        monkeypatch.setenv("AWS_ENDPOINT_URL", service.url)
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "sagemaker.amazonaws.com"}}
        policy = json.dumps({"Statement": [trust]})
        service.client("iam").create_role(RoleName="SageMaker", AssumeRolePolicyDocument=policy)
        where = {"LocationConstraint": "eu-west-1"}
        service.client("s3").create_bucket(Bucket="my-bucket", CreateBucketConfiguration=where)

        def smtune(*arguments):
            done = subprocess.run(
                [sys.executable, "-m", *arguments],
                cwd=tmp_path,
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout

        assert "tuning.yaml: no problems for backend amt" in smtune(*commands["check"])
        assert "cost: " in smtune(*commands["plan"])
        assert service.calls == []
        fewer = ("--set", "limits.max_trials=4")
        assert "churn Completed: 4 of 4 trials" in smtune(*commands["run"], *fewer)
        assert "churn-2 is submitted" in smtune(*commands["submit"], *fewer, "--name", "churn-2")
        assert len(service.requests) == 2
        monkeypatch.setenv("SMTUNE_HOME", str(tmp_path / "another"))
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        assert "churn Completed" in smtune(*commands["attach"])
        assert smtune("smtune", "show", "churn").startswith("trial")
        assert "churn is forgotten here" in smtune(*commands["forget"])


def test_the_request_is_tried_on_an_emulator(tmp_path, without_aws):
    on_sagemaker(tmp_path)
    (command,) = [line for line in shown_lines() if line[-1] == "moto"]
    fewer = ["--set", "limits.max_trials=2"]
    done = subprocess.run(
        [sys.executable, "-m", *command, *fewer],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "churn Completed: 2 of 2 trials" in done.stdout


def test_a_program_runs_against_an_emulator(tmp_path, without_aws):
    commands = {line[2]: line for line in shown_lines() if line[1] == "emulator" and "--data" not in line}
    assert set(commands) == {"run", "serve"}
    program = """
import boto3
client = boto3.client("sagemaker")
print(client.list_hyper_parameter_tuning_jobs()["HyperParameterTuningJobSummaries"])
"""
    (tmp_path / "my_script.py").write_text(program)
    command = [sys.executable, "-m", *commands["run"]]
    command[command.index("python")] = sys.executable
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr

    port = commands["serve"][-1]
    assert f'eval "$(smtune emulator env --port {port})"' in README
    command = [sys.executable, "-m", "smtune", "emulator", "env", "--port", port]
    settings = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=True).stdout
    assert f"export AWS_ENDPOINT_URL=http://127.0.0.1:{port}" in settings


def test_an_emulator_keeps_what_it_had_in_a_directory(tmp_path, without_aws):
    (command,) = ([sys.executable, "-m", *line] for line in shown_lines() if "--data" in line)
    for expected in (set(), {"mine"}):
        with subprocess.Popen(
            [*command, "--port", "0"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as server:
            try:
                assert server.stdout is not None
                url = server.stdout.readline().strip()
                keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
                s3 = boto3.client("s3", endpoint_url=url, region_name="us-east-1", **keys)
                assert {one["Name"] for one in s3.list_buckets()["Buckets"]} >= expected
                if not expected:
                    s3.create_bucket(Bucket="mine")
                    s3.put_object(Bucket="mine", Key="a/file", Body=b"1")
            finally:
                server.kill()
    assert (tmp_path / "emulated" / "s3" / "mine" / "a" / "file").read_bytes() == b"1"


def test_the_settings_of_an_emulator_are_legal(tmp_path):
    (text,) = blocks("toml")
    (tmp_path / "emulator.toml").write_text(text)
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "train.py").touch()
    settings = read_settings(tmp_path / "emulator.toml")
    assert (settings.slots, settings.speed) == (2, 100.0)
    assert settings.rules[0].source_dir == tmp_path / "code"
    assert [fault.kind for fault in settings.faults] == ["slow-start"]


def test_the_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text()
    targets = [line[1] for line in shell_lines() if line[0] == "make"]
    assert targets == ["demo", "test"]
    for target in targets:
        assert f"\n{target}:" in makefile


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
