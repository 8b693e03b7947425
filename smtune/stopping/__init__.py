"""When to stop: a trial, for a while or for good, or the whole job.

A *rule* gives up a trial; *pauses* hold one that has used its part of a whole training; *completion* says when a job
is done before its limits are reached; a *budget* knows when those of time and money are. All are functions of what the trials reported and how they ended, in order: a
job is resumed by telling them its log again, and nothing else is kept.
"""

from smtune.stopping.asha import AshaRule
from smtune.stopping.base import NoRule, StoppingRule
from smtune.stopping.budget import Budget
from smtune.stopping.completion import CompletionCriteria
from smtune.stopping.median import MedianRule
from smtune.stopping.pauses import Decision, Pauses
from smtune.stopping.plateau import PlateauRule
from smtune.stopping.rules import build_rule

__all__ = [
    "AshaRule",
    "Budget",
    "CompletionCriteria",
    "Decision",
    "MedianRule",
    "NoRule",
    "Pauses",
    "PlateauRule",
    "StoppingRule",
    "build_rule",
]
