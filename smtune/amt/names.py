"""How SageMaker calls the training jobs of a tuning job: ``<tuning job>-<counter>-<8 hexadecimal digits>``."""

from __future__ import annotations

import hashlib
import re

_COUNTED = re.compile(r".+-(\d{3,})-[0-9a-f]{8}")
_TUNING_JOB = ":hyper-parameter-tuning-job/"


def training_job_name(tuning_job: str, number: int, *, salt: str = "") -> str:
    """Return the name of a trial's training job; the same for the same trial.

    The service draws the last part at random. Here it is a hash, so that nobody need keep it.

    >>> training_job_name("churn", 34)
    'churn-035-827f997c'

    Args:
        tuning_job: Name of the tuning job.
        number: Trial number, from 0; the service counts from 1.
        salt: Tells tuning jobs of the same name apart, as one may be deleted and its training jobs stay.
    """
    digest = hashlib.sha256(f"{salt}{tuning_job}/{number}".encode()).hexdigest()
    return f"{tuning_job}-{number + 1:03d}-{digest[:8]}"


def trial_number(training_job: str) -> int | None:
    """Return the trial number that the name of a training job tells, if it does.

    >>> trial_number("churn-035-5d0f5aea"), trial_number("my-training")
    (34, None)
    """
    counted = _COUNTED.fullmatch(training_job)
    return None if counted is None else int(counted[1]) - 1


def training_job_arn(tuning_job_arn: str, training_job: str) -> str:
    """Return the ARN of a training job in the account and region of its tuning job.

    >>> training_job_arn("arn:aws:sagemaker:eu-west-1:123456789012:hyper-parameter-tuning-job/churn", "churn-001-5d0f5aea")
    'arn:aws:sagemaker:eu-west-1:123456789012:training-job/churn-001-5d0f5aea'
    """
    return f"{tuning_job_arn.partition(_TUNING_JOB)[0]}:training-job/{training_job}"
