"""What a tuning job may cost on SageMaker, before it is started.

A *price* is an amount with its region, its date and its standing: where the figure is known from. An *estimate* bounds
the cost and the duration of a *workload* from below and from above, and says what it takes for granted. All of it is
arithmetic over a table; only :func:`refresh` asks AWS, through a client that its caller built.
"""

from smtune.pricing.caps import Fit, cap_problem, fitting
from smtune.pricing.estimates import Bounds, Estimate, InstanceUse, Workload, estimate
from smtune.pricing.prices import STORAGE, Price, PriceBook, Standing
from smtune.pricing.refreshing import ENDPOINT_REGIONS, Refreshed, refresh
from smtune.pricing.texts import usd_text

__all__ = [
    "ENDPOINT_REGIONS",
    "STORAGE",
    "Bounds",
    "Estimate",
    "Fit",
    "InstanceUse",
    "Price",
    "PriceBook",
    "Refreshed",
    "Standing",
    "Workload",
    "cap_problem",
    "estimate",
    "fitting",
    "refresh",
    "usd_text",
]
