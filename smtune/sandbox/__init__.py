"""The SageMaker training *sandbox*: what a container finds under ``/opt/ml``, laid out in a folder of this machine.

It prepares a folder, and says which command to run there with which environment; it runs nothing, and knows neither
trials nor jobs.
"""

from smtune.sandbox.checkpoints import restore_checkpoints
from smtune.sandbox.environment import inherited_environment
from smtune.sandbox.source import snapshot_source
from smtune.sandbox.staging import Channel, Staged, stage

__all__ = [
    "Channel",
    "Staged",
    "inherited_environment",
    "restore_checkpoints",
    "snapshot_source",
    "stage",
]
