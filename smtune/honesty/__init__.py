"""What a score is worth: *honesty* is how far the score of a chosen configuration flatters it, and who says so.

Pure functions of what trials scored; losses throughout, so that lower is better.
"""

from smtune.honesty.evaluation import Evaluation, evaluate
from smtune.honesty.holdout import Scores, disagreement
from smtune.honesty.optimism import Expectation, expect
from smtune.honesty.parsimony import Pick, pick

__all__ = ["Evaluation", "Expectation", "Pick", "Scores", "disagreement", "evaluate", "expect", "pick"]
