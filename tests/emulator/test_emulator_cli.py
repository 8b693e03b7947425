import os
import signal
import subprocess
import sys
import textwrap
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from smtune.sandbox.namespace import unavailable
from tests.services.somebody import without_others

ROOT = Path(__file__).parents[2]

START = """
import boto3
boto3.client("sagemaker").create_training_job(
    TrainingJobName="sleep",
    RoleArn="arn:aws:iam::123456789012:role/SageMaker",
    AlgorithmSpecification={"TrainingImage": "mine", "TrainingInputMode": "File"},
    OutputDataConfig={"S3OutputPath": "s3://mine"},
    ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
    StoppingCondition={"MaxRuntimeInSeconds": 60},
)
"""


@pytest.fixture
def variables(tmp_path):
    """The environment of somebody who has an account of AWS."""
    (tmp_path / "tmp").mkdir()
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "SMTUNE_HOME": str(tmp_path / "home"),
        "TMPDIR": str(tmp_path / "tmp"),
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "not-to-be-told",
        "AWS_SESSION_TOKEN": "not-to-be-told-either",
        "AWS_PROFILE": "production",
        "AWS_ENDPOINT_URL_S3": "https://s3.example.org",
    }


def command(*arguments):
    return [sys.executable, "-m", "tests.emulator.small_cli", "emulator", *arguments]


def run(*arguments, variables):
    return subprocess.run(
        command(*arguments), env=variables, capture_output=True, text=True, check=False, timeout=300, cwd=ROOT
    )


def run_python(script, *, variables, arguments=()):
    return run("run", *arguments, "--", sys.executable, "-c", textwrap.dedent(script), variables=variables)


@contextmanager
def started(*arguments, variables):
    process = subprocess.Popen(
        command(*arguments), env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def runs(number):
    try:
        return "zombie" not in Path(f"/proc/{number}/status").read_text()
    except FileNotFoundError:
        return False


class TestServe:
    @pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
    def test_a_signal_ends_it_and_all_it_started(self, variables, tmp_path, number, status):
        with started("serve", "--port", "0", variables=variables) as server:
            url = server.stdout.readline().strip()
            assert url.startswith("http://127.0.0.1:")
            client = {**without_others(variables), **keys(url)}
            subprocess.run([sys.executable, "-c", START], env=client, check=True, timeout=300)
            (child,) = [one for one in all_below(server.pid) if runs(one)]
            server.send_signal(number)
            assert server.wait(60) == status
            assert "role arn:aws:iam::123456789012:role/SageMaker" in server.stderr.read()
        assert not runs(child)
        assert list((tmp_path / "tmp").iterdir()) == []

    def test_two_cannot_have_the_same_port(self, variables):
        with started("serve", "--port", "0", variables=variables) as server:
            port = server.stdout.readline().strip().rpartition(":")[2]
            second = run("serve", "--port", port, variables=variables)
            server.send_signal(signal.SIGTERM)
        assert second.returncode == 2
        assert second.stdout == ""
        assert f"port = {port}  is taken: another program listens on 127.0.0.1:{port}" in second.stderr

    def test_the_region_is_the_users(self, variables):
        with started("serve", "--port", "0", variables={**variables, "AWS_DEFAULT_REGION": "eu-west-1"}) as server:
            server.stdout.readline()
            server.send_signal(signal.SIGTERM)
            assert "bucket sagemaker-eu-west-1-123456789012" in server.stderr.read()


class TestEnv:
    def test_a_shell_that_evaluates_it_reaches_the_server(self, variables):
        script = 'import boto3; print(boto3.client("s3").list_buckets()["Buckets"][0]["Name"])'
        with started("serve", "--port", "0", variables=variables) as server:
            port = server.stdout.readline().strip().rpartition(":")[2]
            printed = run("env", "--port", port, variables=variables)
            shell = f"{printed.stdout}\n\"{sys.executable}\" -c '{script}'; env"
            shown = subprocess.run(["sh", "-euc", shell], env=variables, capture_output=True, text=True, check=False)
            server.send_signal(signal.SIGTERM)
        assert printed.stderr == ""
        assert shown.stdout.startswith("sagemaker-us-east-1-123456789012\n"), shown.stderr
        assert not [
            one for one in ("not-to-be-told", "AKIDEXAMPLE", "production", "example.org") if one in shown.stdout
        ]

    def test_it_writes_what_the_sagemaker_sdk_reads(self, variables, tmp_path):
        import yaml

        printed = run("env", "--region", "eu-west-1", variables=variables).stdout
        path = tmp_path / "home" / "emulator" / "sagemaker-eu-west-1.yaml"
        assert f"export SAGEMAKER_USER_CONFIG_OVERRIDE={path}" in printed.splitlines()
        modules = yaml.safe_load(path.read_text())["SageMaker"]["PythonSDK"]["Modules"]
        assert modules == {
            "TelemetryOptOut": True,
            "Session": {"DefaultS3Bucket": "sagemaker-eu-west-1-123456789012"},
        }

    def test_it_tells_when_nobody_listens(self, variables):
        printed = run("env", "--port", "1", variables=variables)
        assert printed.returncode == 0
        assert "export AWS_ENDPOINT_URL=http://127.0.0.1:1\n" in printed.stdout
        assert "nothing listens on port 1 yet; start it: smtune emulator serve --port 1" in printed.stderr

    def test_a_home_that_cannot_be_written_is_told(self, variables, tmp_path):
        (tmp_path / "home").write_text("a file")
        printed = run("env", variables=variables)
        assert printed.returncode == 1
        assert printed.stdout == ""
        assert "set SMTUNE_HOME to a directory that can be" in printed.stderr


class TestRun:
    def test_the_program_uses_an_emulator_of_its_own(self, variables, tmp_path):
        script = START + 'print(boto3.client("sagemaker").search(Resource="TrainingJob")["Results"])'
        for _ in range(2):
            shown = run_python(script, variables=variables)
            assert shown.stdout == "[{'TrainingJob': {'TrainingJobName': 'sleep'}}]\n", shown.stderr
            assert shown.returncode == 0
        assert list((tmp_path / "tmp").iterdir()) == []
        assert not (tmp_path / "home").exists()

    def test_the_program_cannot_reach_aws(self, variables):
        script = """
            import boto3, os
            from botocore.exceptions import ProfileNotFound
            print([name for name, value in os.environ.items() if value in ("AKIDEXAMPLE", "not-to-be-told", "production")])
            print(boto3.client("s3").meta.endpoint_url == os.environ["AWS_ENDPOINT_URL"])
            try:
                boto3.Session(profile_name="production")
            except ProfileNotFound:
                print("no profile")
        """
        assert run_python(script, variables=variables).stdout == "[]\nTrue\nno profile\n"

    @pytest.mark.parametrize(
        ("script", "status"),
        [("raise SystemExit(7)", 7), ("import os; os.kill(os.getpid(), 9)", 137)],
    )
    def test_its_status_is_the_programs(self, variables, script, status):
        assert run_python(script, variables=variables).returncode == status

    def test_options_of_the_program_are_its_own(self, variables):
        shown = run("run", "--region", "eu-west-1", sys.executable, "-c", *PRINT_ARGUMENTS, variables=variables)
        assert shown.stdout == "['-c', '--port', '1', '--', '--help'] eu-west-1\n"

    @pytest.mark.skipif(unavailable() is not None, reason=f"no mount namespaces: {unavailable()}")
    def test_a_notebook_knows_its_role_and_leaves_nothing(self, variables, tmp_path):
        script = """
            from pathlib import Path
            Path("/opt/ml/mine").touch()
            print(Path("/opt/ml/metadata/resource-metadata.json").read_text())
        """
        shown = run_python(script, variables=variables, arguments=["--notebook"])
        assert shown.stdout == '{"ExecutionRoleArn": "arn:aws:iam::123456789012:role/SageMaker"}\n', shown.stderr
        assert list((tmp_path / "tmp").iterdir()) == []
        assert not Path("/opt/ml/mine").exists()

    def test_a_notebook_that_cannot_be_had_is_told(self, variables):
        script = "from smtune.sandbox import namespace; namespace.unavailable = lambda: 'no such thing'"
        (Path(variables["TMPDIR"]) / "sitecustomize.py").write_text(script)
        path = os.pathsep.join([variables["TMPDIR"], variables["PYTHONPATH"]])
        shown = run("run", "--notebook", "--", "true", variables={**variables, "PYTHONPATH": path})
        assert shown.returncode == 2
        assert "processes cannot have an /opt/ml of their own here: no such thing" in shown.stderr

    @pytest.mark.parametrize(("program", "status"), [("/nothing/of/the/kind", 127), ("/etc/passwd", 126)])
    def test_a_program_that_cannot_be_run_is_told(self, variables, program, status):
        shown = run("run", "--", program, variables=variables)
        assert shown.returncode == status
        assert shown.stderr.startswith(f"smtune: {program}: cannot be run: ")

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_signals_are_the_programs(self, variables, tmp_path, number):
        script = (
            START
            + f"""
import signal, sys
def ended(number, frame):
    print("told", number, flush=True)
    sys.exit(5)
signal.signal({int(number)}, ended)
print("ready", flush=True)
signal.pause()
"""
        )
        with started("run", "--", sys.executable, "-c", script, variables=variables) as emulator:
            assert emulator.stdout.readline() == "ready\n"
            below = all_below(emulator.pid)
            assert len(below) == 2
            emulator.send_signal(number)
            assert emulator.stdout.readline() == f"told {int(number)}\n"
            assert emulator.wait(60) == 5
        assert not any(map(runs, below))
        assert list((tmp_path / "tmp").iterdir()) == []


PRINT_ARGUMENTS = (
    "import os, sys; print(sys.argv, os.environ['AWS_DEFAULT_REGION'])",
    "--port",
    "1",
    "--",
    "--help",
)


def all_below(number):
    """Return the numbers of the processes that a process started, and theirs."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            parent = int(path.read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(path.parent.name))
    below = [number]
    for one in below:
        below += children.get(one, [])
    return below[1:]


def keys(url):
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


class TestSettings:
    def test_a_file_says_how_the_emulator_behaves(self, variables, tmp_path):
        (tmp_path / "emulator.toml").write_text('faults = [{kind = "throttling", match = "ListTrainingJobs"}]')
        script = """
            import os, urllib.request
            print(urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"] + "/smtune/faults").read().decode())
        """
        command = [sys.executable, "-m", "smtune", "emulator", "run", "--config", str(tmp_path / "emulator.toml")]
        command += ["--slots", "1", "--speed", "60", "--", sys.executable, "-c", textwrap.dedent(script)]
        done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True, timeout=300, cwd=ROOT)
        assert '"kind": "throttling"' in done.stdout

    def test_what_is_wrong_is_told_before_anything_starts(self, variables, tmp_path):
        (tmp_path / "emulator.yaml").write_text("slot: 3")
        done = run("serve", "--config", str(tmp_path / "emulator.yaml"), variables=variables)
        assert done.returncode == 2
        assert "did you mean 'slots'?" in done.stderr
        done = run("serve", "--slots", "0", variables=variables)
        assert done.returncode == 2
        assert "slots = 0  must be at least 1" in done.stderr
