"""A *proof* of metric regexes: tried on the log of a training as SageMaker would, before SageMaker does.

::

    reported = reported_metrics(lines)
    proofs = prove_metrics(metric_regexes(spec.metrics, spec.objective.metric, reported), lines)
    for row in proof_rows(proofs):
        print(*row)
    problems = [proof.problem for proof in proofs if proof.problem is not None]
    problems += [objective_problem(spec.metrics, spec.objective.metric, reported)]  # or None
"""

from smtune.amt.metrics.proof import Match, MetricProof, Verdict, prove_metrics
from smtune.amt.metrics.reported import metric_regexes, objective_problem, reported_metrics
from smtune.amt.metrics.rows import ProofRow, proof_rows

__all__ = [
    "Match",
    "MetricProof",
    "ProofRow",
    "Verdict",
    "metric_regexes",
    "objective_problem",
    "proof_rows",
    "prove_metrics",
    "reported_metrics",
]
