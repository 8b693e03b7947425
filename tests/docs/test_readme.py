"""Every block of the README does what it says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from smtune.cli import COMMANDS
from smtune.spec import TuningSpec
from smtune.spec.files import read_mapping

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def test_the_yaml_is_a_legal_spec(tmp_path):
    (text,) = blocks("yaml")
    (tmp_path / "tuning.yaml").write_text(text)
    spec = TuningSpec.from_dict(read_mapping(tmp_path / "tuning.yaml"))
    assert spec.planned_trials == 40
    assert (ROOT / spec.training.source_dir / spec.training.entry_point).is_file()


@pytest.mark.parametrize("code", blocks("python"), ids=range(len(blocks("python"))))
def test_the_python_runs(code, tmp_path, monkeypatch):
    monkeypatch.setenv("SMTUNE_HOME", str(tmp_path / "home"))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_every_command_is_known():
    lines = [line for block in blocks("") for line in block.splitlines() if line.startswith("smtune ")]
    assert {line.split()[1] for line in lines} <= set(COMMANDS)
    assert len(lines) >= 6
    for target in re.findall(r"^make (\w+)", "\n".join(blocks("")), flags=re.MULTILINE):
        assert f"\n{target}:" in (ROOT / "Makefile").read_text()


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
