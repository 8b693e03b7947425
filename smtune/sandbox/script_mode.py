"""A script as the SageMaker training toolkit 5.1 runs it: arguments, and ``SM_*`` variables.

From ``environment.py``, ``params.py`` and ``mapping.py`` of aws/sagemaker-training-toolkit (Apache-2.0).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from smtune.container.values import decode_value
from smtune.sandbox.contract import TrainingContract

OBJECTIVE_KEY: Final = "_tuning_objective_metric"
"""Hyperparameter that names what a tuning job optimises; its algorithms read it, its scripts do not see it."""

PROGRAM_KEY: Final = "sagemaker_program"
"""Hyperparameter that names the script."""

SUBMIT_DIRECTORY_KEY: Final = "sagemaker_submit_directory"
"""Hyperparameter that says where the code lies: a ``tar.gz`` in S3."""

_INFO = 20
_TOOLKIT_KEYS: Final = frozenset(
    {
        OBJECTIVE_KEY,
        PROGRAM_KEY,
        SUBMIT_DIRECTORY_KEY,
        "default_user_module_name",
        "sagemaker_container_log_level",
        "sagemaker_enable_cloudwatch_metrics",
        "sagemaker_job_name",
        "sagemaker_region",
        "sagemaker_s3_output",
    }
)
"""What the toolkit keeps to itself. It keeps the rest of ``sagemaker_*`` for its frameworks."""

_encode: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


class Script:
    """A script of a training job.

    Args:
        contract: The job.
        entry_point: The script's file, relative to its code.
        root: What it has for ``/opt/ml``.
    """

    def __init__(self, contract: TrainingContract, entry_point: str, *, root: str) -> None:
        self._contract = contract
        self._entry_point = entry_point
        self._root = root
        values = {name: decode_value(text) for name, text in contract.hyperparameters.items()}
        self._hidden = {name: value for name, value in values.items() if _is_hidden(name)}
        self._values = {name: value for name, value in values.items() if not _is_hidden(name)}

    @property
    def arguments(self) -> list[str]:
        """Its command line, behind the script."""
        return command_arguments(self._values)

    @property
    def variables(self) -> dict[str, str]:
        """What the toolkit adds to the environment."""
        contract = self._contract
        return {
            **toolkit_environment(self._training()),
            "CURRENT_HOST": contract.current_host,
            "SAGEMAKER_BASE_DIR": self._root,
        }

    def _training(self) -> dict[str, Any]:
        """Return the properties of the toolkit's ``Environment`` by their names."""
        contract, root = self._contract, self._root
        resources = contract.resource_config
        group = contract.current_group
        hosts = contract.hosts
        return {
            "additional_framework_parameters": {
                name: value for name, value in self._hidden.items() if name not in _TOOLKIT_KEYS
            },
            "channel_input_dirs": {name: f"{root}/input/data/{name}" for name in contract.channels},
            "current_host": contract.current_host,
            "current_instance_group": group.name,
            "current_instance_group_hosts": sorted(group.hosts),
            "current_instance_type": group.instance_type,
            "distribution_hosts": [],
            "distribution_instance_groups": [],
            "framework_module": None,
            "hosts": hosts,
            "hyperparameters": self._values,
            "input_config_dir": f"{root}/input/config",
            "input_data_config": contract.data_config,
            "input_dir": f"{root}/input",
            "instance_groups": [one.name for one in contract.groups],
            "instance_groups_dict": {one["instance_group_name"]: one for one in resources["instance_groups"]},
            "is_hetero": len(contract.groups) > 1,
            "is_master": contract.current_host == hosts[0],
            "job_name": contract.job_name,
            "log_level": self._hidden.get("sagemaker_container_log_level", _INFO),
            "master_hostname": hosts[0],
            "model_dir": f"{root}/model",
            "module_dir": self._hidden.get(SUBMIT_DIRECTORY_KEY, f"{root}/code"),
            "module_name": self._entry_point.removesuffix(".py"),
            "network_interface_name": resources["network_interface_name"],
            "num_cpus": _cpus(),
            "num_gpus": _gpus(),
            "num_neurons": 0,
            "output_data_dir": f"{root}/output/data",
            "output_dir": f"{root}/output",
            "output_intermediate_dir": f"{root}/output/intermediate",
            "resource_config": resources,
            "user_entry_point": self._entry_point,
        }


def toolkit_environment(training: Mapping[str, Any]) -> dict[str, str]:
    """Return the ``SM_*`` variables that the SageMaker training toolkit 5.1 sets for a script.

    >>> variables = toolkit_environment({"hyperparameters": {"eta": 0.1}, "channel_input_dirs": {"train": "/data"}})
    >>> variables["SM_HP_ETA"], variables["SM_CHANNEL_TRAIN"], variables["SM_CHANNELS"]
    ('0.1', '/data', '["train"]')

    Args:
        training: The properties of the toolkit's ``Environment`` by their names.
    """
    values = {name: value for name, value in training.items() if name not in _NOT_VARIABLES}
    values["hps"] = training["hyperparameters"]
    values["framework_params"] = training.get("additional_framework_parameters")
    values["channels"] = sorted(training["channel_input_dirs"])
    values["user_args"] = command_arguments(training["hyperparameters"])
    values["training_env"] = dict(training)
    values |= {f"channel_{name}": path for name, path in training["channel_input_dirs"].items()}
    values |= {f"hp_{name}": value for name, value in training["hyperparameters"].items()}
    return {f"SM_{name.upper()}": _variable(value) for name, value in values.items()}


def command_arguments(hyperparameters: Mapping[str, Any]) -> list[str]:
    """Return hyperparameters as the toolkit passes them to a script: sorted, one dash before a single letter.

    >>> command_arguments({"eta": 0.1, "C": 2, "verbose": True, "layers": {"a": 1, "b": 2}})
    ['-C', '2', '--eta', '0.1', '--layers', 'a=1,b=2', '--verbose', 'True']
    """
    arguments = []
    for name, value in sorted(hyperparameters.items()):
        text = (
            ",".join(f"{key}={item}" for key, item in sorted(value.items())) if isinstance(value, dict) else str(value)
        )
        arguments += [f"--{name}" if len(name) > 1 else f"-{name}", text]
    return arguments


_NOT_VARIABLES: Final = frozenset(
    {
        "additional_framework_parameters",
        "channel_input_dirs",
        "distribution_hosts",
        "hyperparameters",
        "is_master",
        "job_name",
        "master_hostname",
    }
)


def _variable(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else _encode(value)


def _is_hidden(name: str) -> bool:
    """Return whether a hyperparameter is for the toolkit and not for the script."""
    return name in _TOOLKIT_KEYS or name.startswith("sagemaker_")


def _cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _gpus() -> int:
    return sum(1 for path in Path("/dev").glob("nvidia[0-9]*") if path.name.removeprefix("nvidia").isdigit())
