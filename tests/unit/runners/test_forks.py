"""A script that runs in a fork of the launcher must not be able to tell."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from smtune.runners import Runner, imports_of
from smtune.trial import Trial, TrialStatus
from tests.contracts.runner_contract import ended, until_idle
from tests.faults.runner_processes import process_runner, staged


def outcome(folder: Path, runner: Runner, **parameters: Any) -> tuple[str, Any, str | None]:
    """Run a script; return what it printed, its status and the reason."""
    runner.start(Trial(0, parameters))
    end = ended(until_idle(runner), 0)
    return (folder / "logs/0.log").read_text(), end.status, end.reason


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Runner, Runner]]:
    folder = tmp_path_factory.mktemp("both")
    with process_runner(folder, "") as fresh, process_runner(folder, "", preload=[]) as forking:
        yield folder, fresh, forking


@pytest.mark.parametrize(
    "script",
    [
        "import sys; print(sys.argv, __name__, __file__, sys.path[0], __spec__, __package__, __doc__, __builtins__)",
        "import sys; print(sys.modules['__main__'].__dict__ is globals(), sys.orig_argv is None)",
        "import os; print(os.getcwd(), os.getpgrp() == os.getsid(0) == os.getpid(), os.read(0, 1))",
        "import os, json; print(json.dumps({k: v for k, v in os.environ.items() if 'THREADS' not in k and k != 'LC_CTYPE'}))",
        "import signal; print([(n, signal.getsignal(n)) for n in signal.valid_signals()], signal.pthread_sigmask(0, []))",
        "import sys; print(sys.stdout.encoding, sys.stdout.write_through, sys.stdin.read(), sys.stderr.errors)",
        "def f(x: int): pass\nprint(f.__annotations__)",
        "'''Docs.'''\nassert False, 'told\\nso'",
        "def f():\n  raise ValueError('deep')\ndef g():\n  try:\n    1 / 0\n  except ZeroDivisionError:\n    f()\ng()",
        "print('before')\nx ===",
        "raise SystemExit",
        "raise SystemExit(0)",
        "raise SystemExit(True)",
        "raise SystemExit(259)",
        "raise SystemExit('no data')",
        "import os; print('lost?'); os._exit(4)",
        "import sys; sys.excepthook = lambda *details: print('hook', details[1]); 1 / 0",
        "import atexit; atexit.register(print, 'at exit'); raise SystemExit(3)",
        "import threading\nthread = threading.Timer(0.05, print, ['thread'])\nthread.start()\nprint('main')",
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\nprint('main')",
        "import sys; sys.stdout.reconfigure(write_through=False); print('buffered', end='')",
        "import os, signal; os.kill(os.getpid(), signal.SIGINT)",
        "import os; print(os.path.basename(os.__file__)); os.close(1); os.close(2)",
        "class A:\n  def __del__(self): print('gone')\na, b = A(), A(); a.itself = a; del a",
        "import pickle\nclass A: pass\nprint(type(pickle.loads(pickle.dumps(A()))) is A)",
        "import multiprocessing as m, os\nif __name__ == '__main__':\n  with m.get_context('spawn').Pool(1) as p: print(p.map(abs, [-1]))",
        "import subprocess, sys; print(subprocess.check_output([sys.executable, '-c', 'print(__import__(\"sys\").path[0])']))",
    ],
)
def test_forked_script_behaves_like_a_fresh_one(both: tuple[Path, Runner, Runner], script: str) -> None:
    folder, fresh, forking = both
    (folder / "source/train.py").write_text(script)
    assert outcome(folder, fresh, eta=0.5, C="a b") == outcome(folder, forking, eta=0.5, C="a b")


def test_files_that_are_never_closed_are_written(tmp_path: Path) -> None:
    script = """
        import sys, held
        here = open(sys.argv[2] + "/main", "w")
        here.write("kept")
        held.hold(sys.argv[2] + "/module")
    """
    (tmp_path / "source").mkdir()
    (tmp_path / "source/held.py").write_text(
        "def hold(path):\n    global f\n    f = open(path, 'w')\n    f.write('kept')\n"
    )
    with process_runner(tmp_path, script, preload=[]) as runner:
        outcome(tmp_path, runner, place=str(tmp_path))
    assert (tmp_path / "main").read_text() == "kept"
    assert (tmp_path / "module").read_text() == "kept"


def test_preloaded_modules_are_there_already_and_draws_differ(tmp_path: Path) -> None:
    script = """
        import sys
        print("colorsys" in sys.modules, "numpy" in sys.modules)
        import numpy, random
        print(numpy.random.random(), random.random())
    """
    with process_runner(tmp_path, script, preload=["colorsys", "numpy", "no_such_module"]) as runner:
        for number in (0, 1):
            runner.start(Trial(number, {}))
        until_idle(runner)
    first, second = ((tmp_path / f"logs/{number}.log").read_text().split() for number in (0, 1))
    assert first[:2] == second[:2] == ["True", "True"]
    assert len({*first[2:], *second[2:]}) == 4


def test_spawned_workers_hand_over_objects_of_the_scripts_own_classes(tmp_path: Path) -> None:
    script = """
        import multiprocessing as mp
        class Result:
            def __init__(self, x): self.x = x
        if __name__ == "__main__":
            with mp.get_context("spawn").Pool(1) as pool:
                print(pool.map(Result, [7])[0].x)
    """
    with process_runner(tmp_path, script, preload=["multiprocessing"]) as runner:
        assert outcome(tmp_path, runner)[0] == "7\n"


def test_variables_that_imports_set_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "guard.py").write_text("import os\nos.environ['GUARD'] = 'set'\nos.environ['MINE'] = 'theirs'\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("MINE", "mine")
    script = "import os; print(os.environ['GUARD'], os.environ['MINE'])"
    with process_runner(tmp_path, script, preload=["guard"]) as runner:
        assert outcome(tmp_path, runner)[0] == "set mine\n"


def test_module_that_exits_when_imported_is_the_scripts_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "licensed.py").write_text("import sys\nsys.exit('no licence')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with process_runner(tmp_path, "import licensed", preload=["licensed"]) as runner:
        printed, status, reason = outcome(tmp_path, runner)
    assert (printed, status, reason) == ("no licence\n", TrialStatus.Failed, "exit code 1")


def test_module_that_ends_the_process_names_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deadly.py").write_text("import os\nos._exit(3)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with process_runner(tmp_path, "import deadly", preload=["deadly"]) as runner:
        _, status, reason = outcome(tmp_path, runner)
    assert status is TrialStatus.Failed
    assert str(reason).startswith("the launcher died: exit code 3")
    assert "training.preload: false" in str(reason)


def test_stop_does_not_wait_for_an_import_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "slow.py").write_text("import signal\nsignal.pause()\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with process_runner(tmp_path, "import slow", preload=["slow"], grace_seconds=3600) as runner:
        runner.start(Trial(0, {}))
        runner.stop(0)
        assert ended(until_idle(runner), 0).status is TrialStatus.Stopped


def test_module_that_starts_threads_makes_forks_unsafe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "threaded.py").write_text(
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONWARNINGS", "error")  # Python 3.12 warns of forks beside threads
    script = "import sys; print('threaded' in sys.modules)"
    with process_runner(tmp_path, script, preload=["threaded"]) as runner:
        assert outcome(tmp_path, runner)[0] == "False\n"


@pytest.mark.parametrize(("environment", "threads"), [({}, "1"), ({"OMP_NUM_THREADS": "3"}, "3")])
def test_forks_use_one_thread_unless_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], threads: str
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    script = "import os; print(os.environ['OMP_NUM_THREADS'])"
    with process_runner(
        tmp_path,
        script,
        preload=[],
        environment=environment,
        stage=lambda trial: staged(tmp_path, trial, environment=environment),
    ) as runner:
        runner.start(Trial(0, {}))
        until_idle(runner)
    assert (tmp_path / "logs/0.log").read_text() == f"{threads}\n"


def test_imports_are_found_without_running_anything(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(
        "from __future__ import annotations\n"
        "import os.path, xgboost as xgb\n"
        "from sklearn import svm\n"
        "from sklearn.metrics import *\n"
        "try:\n    import tomllib\nexcept ImportError:\n    import tomli\n"
        "with x:\n    import inner\n"
        "import model, package.part\n"
        "from . import sibling\n"
        "if TYPE_CHECKING:\n    import pandas\n"
        "def main():\n    import torch\n"
        "raise SystemExit\n"
    )
    (tmp_path / "model.py").write_text("import catboost\nimport train\nfrom package import part\n")
    (tmp_path / "package").mkdir()
    (tmp_path / "package/__init__.py").write_text("import numpy\n")
    (tmp_path / "package/part.py").write_text("import scipy.stats\n")
    found = imports_of(tmp_path / "train.py")
    assert found[:3] == ["__future__", "__future__.annotations", "os.path"]
    assert set(found[3:]) == {
        "xgboost",
        "sklearn",
        "sklearn.svm",
        "sklearn.metrics",
        "tomllib",
        "inner",
        "catboost",
        "numpy",
        "scipy.stats",
    }


@pytest.mark.parametrize("content", ["def (:", "\0", None, "\xff"])
def test_imports_of_what_is_no_script(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "train.py").write_bytes(content.encode("latin-1"))
    assert imports_of(tmp_path / "train.py") == []
