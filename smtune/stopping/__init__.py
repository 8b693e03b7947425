"""A *rule* says when to give up a trial; *completion* says when a job is done before its limits are reached.

Both are functions of what the trials reported and how they ended, in order: a job is resumed by telling them its log
again, and nothing else is kept.
"""

from smtune.stopping.base import NoRule, StoppingRule
from smtune.stopping.completion import CompletionCriteria
from smtune.stopping.median import MedianRule
from smtune.stopping.plateau import PlateauRule
from smtune.stopping.rules import build_rule

__all__ = ["CompletionCriteria", "MedianRule", "NoRule", "PlateauRule", "StoppingRule", "build_rule"]
