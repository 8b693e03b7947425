"""The package as a whole: its public names, its weight, its errors."""

import pickle
import subprocess
import sys

import pytest

import smtune
from smtune.errors import MissingExtraError, Problem, SpecError

PUBLIC = {
    "AmtBackend",
    "AskTell",
    "CategoricalParameter",
    "ContinuousParameter",
    "IntegerParameter",
    "SearchSpace",
    "SmtuneError",
    "SpecError",
    "Trial",
    "TrialStatus",
    "TuningJob",
    "TuningResult",
    "TuningSpec",
    "attach",
    "resume",
    "tune",
    "__version__",
}


def test_public_names():
    assert set(smtune.__all__) == PUBLIC
    for name in PUBLIC:
        assert getattr(smtune, name) is not None
    assert set(smtune.__all__) <= set(dir(smtune))
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = smtune.no_such_name


def loaded_by(statement):
    code = f"import sys; before = set(sys.modules); {statement}; print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_import_smtune_loads_no_other_package():
    assert loaded_by("import smtune") - sys.stdlib_module_names == {"smtune"}


@pytest.mark.parametrize(
    "statement",
    [
        "import smtune.container",
        "from smtune import ContinuousParameter, SearchSpace",
        "import smtune.store, smtune.sandbox",
    ],
)
def test_the_lower_layers_need_the_standard_library_only(statement):
    assert loaded_by(statement) - sys.stdlib_module_names == {"smtune"}


def test_the_loop_loads_no_numeric_library():
    heavy = {"numpy", "scipy", "pandas", "sklearn", "xgboost", "rich", "typer", "boto3"}
    assert not loaded_by("import smtune.backends, smtune.ask_tell; from smtune import tune, AskTell") & heavy


def test_errors_survive_pickling():
    error = SpecError([Problem("min", 3, "is wrong", "mend it")], source="tuning.yaml")
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    assert again.problems == error.problems
    missing = MissingExtraError("to_dataframe", "pandas")
    assert 'pip install "smtune[pandas]"' in str(pickle.loads(pickle.dumps(missing)))
