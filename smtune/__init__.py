"""Describe a hyperparameter tuning job once; run it here, in a container, against an emulated AWS, or on SageMaker.

The public names are loaded when they are first used, so that ``import smtune`` costs next to nothing, and so that
``smtune.container`` works inside training containers that have nothing but Python.
"""

__version__ = "0.1.0"

_HOMES = {
    "AmtBackend": "smtune.backends",
    "AskTell": "smtune.ask_tell",
    "CategoricalParameter": "smtune.space",
    "ContinuousParameter": "smtune.space",
    "IntegerParameter": "smtune.space",
    "SearchSpace": "smtune.space",
    "SmtuneError": "smtune.errors",
    "SpecError": "smtune.errors",
    "Trial": "smtune.trial",
    "TrialStatus": "smtune.trial",
    "TuningJob": "smtune.backends",
    "TuningResult": "smtune.results",
    "TuningSpec": "smtune.spec",
    "attach": "smtune.backends",
    "resume": "smtune.backends",
    "tune": "smtune.backends",
}

__all__ = [  # noqa: PLE0604 - the names are listed once, with their homes
    *sorted(_HOMES),
    "__version__",
]


def __getattr__(name):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 - parses on the Python of old containers
    """Load a public name (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError("module 'smtune' has no attribute {!r}".format(name))  # noqa: UP032 - as above
    import importlib

    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__():  # type: ignore[no-untyped-def]  # noqa: ANN202 - as above
    return sorted([*globals(), *_HOMES])
