"""Who asks the services: a user with a home, credentials and a region of their own, and nothing else configured."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.services.tuning_service import REGION

KEY = "AKIDEXAMPLE"
SECRET = "not-to-be-told"


def environment(folder: Path, *, region: str | None = REGION, credentials: bool = True) -> dict[str, str]:
    """Return the variables of such a user, whose files are in a folder."""
    if credentials:
        write_credentials(folder, KEY)
    variables = {
        "HOME": str(folder),
        "SMTUNE_HOME": str(folder / "home"),
        "XDG_CONFIG_HOME": str(folder / "xdg"),
        "XDG_CONFIG_DIRS": str(folder / "system"),
        "AWS_CONFIG_FILE": str(folder / "aws-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "aws-credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",  # boto3's own patience would cost seconds
    }
    return variables if region is None else variables | {"AWS_DEFAULT_REGION": region}


def write_credentials(folder: Path, key: str) -> None:
    """Sign in with another access key."""
    text = f"[default]\naws_access_key_id = {key}\naws_secret_access_key = {SECRET}\n"
    (folder / "aws-credentials").write_text(text)


def without_others(variables: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without what says who asks AWS, and where."""
    return {
        name: value for name, value in variables.items() if not name.startswith(("AWS_", "SAGEMAKER_", "SMTUNE_HOME"))
    }
