"""Lay out the files as the Dockerfiles do, and start what they start."""

import re
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = r'ENTRYPOINT \["python", "/opt/program/train\.py"\]'


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("xgboost", {"num_round": 2, "objective": "multi:softprob", "num_class": 3}),
        ("sklearn", {"model": "logistic"}),
    ],
)
@pytest.mark.parametrize("arguments", [["train"], []], ids=["train", "no argument"])
def test_an_image_holds_all_that_it_needs(make_job, data, tmp_path, name, given, arguments):
    dockerfile = (ROOT / "training_containers" / name / "Dockerfile").read_text()
    program = tmp_path / "program"
    for source, target in re.findall(r"^COPY (\S+) (\S+)$", dockerfile, re.MULTILINE):
        found = list(ROOT.glob(source))
        assert found, source
        for path in found:
            if path.is_dir():
                shutil.copytree(path, program / target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                (program / target).mkdir(parents=True, exist_ok=True)
                shutil.copy(path, program / target)
    assert re.search(PYTHON, dockerfile)
    job = make_job(name, data["iris"], given, script=[sys.executable, str(program / "train.py")])
    job.environ.pop("PYTHONPATH")
    check = "import smtune.container, sys; sys.stderr.write(smtune.container.__file__)"
    (program / "probe.py").write_text(check)
    job.command[2:] = arguments
    run = job.run()
    assert run.code == 0, run.err
    assert any(key.startswith("test:") for key in run.final)
    job.command[1] = str(program / "probe.py")
    assert job.run().err == str(program / "smtune" / "container" / "__init__.py")


def test_requirements_hold_what_the_scripts_import():
    for name, imported in {
        "xgboost": {"numpy", "xgboost", "sklearn", "scipy"},
        "sklearn": {"numpy", "sklearn", "joblib"},
    }.items():
        folder = ROOT / "training_containers" / name
        own = {file.stem for file in folder.glob("*.py")} | {"smtune"}
        text = "\n".join(file.read_text() for file in folder.glob("*.py"))
        modules = set(re.findall(r"^ *(?:from|import) (\w+)", text, re.MULTILINE)) - own - sys.stdlib_module_names
        assert modules == imported
        listed = set(re.findall(r"^[\w-]+", (folder / "requirements.txt").read_text(), re.MULTILINE))
        assert listed == {{"sklearn": "scikit-learn"}.get(module, module) for module in modules}
