"""What hypothesis draws: every kind of spec that the service can be told."""

import string
from typing import Any

from hypothesis import strategies as st

from smtune.amt.request import unit_of
from smtune.space import CategoricalParameter, ContinuousParameter, IntegerParameter, Parameter, SearchSpace
from smtune.spec import (
    Channel,
    Completion,
    Definition,
    InstanceChoice,
    Objective,
    Resource,
    SageMaker,
    Training,
    TuningSpec,
)
from smtune.spec.strategies import HyperbandConfig

ROLE = "arn:aws:iam::123456789012:role/SageMaker"
_PLAN = "arn:aws:sagemaker:eu-west-1:123456789012:training-plan/winter"
_LETTERS = string.ascii_letters + string.digits
names = st.text(_LETTERS, min_size=1, max_size=12)
_keys = st.text(_LETTERS + "_", min_size=1, max_size=10).filter(
    lambda key: key not in ("True", "False") and not key.startswith("sagemaker_")
)
_uris = st.builds(lambda key: f"s3://bucket/{key}", names)
_texts = st.text(st.characters(codec="ascii", categories=("L", "N", "P")), min_size=1, max_size=8)
_scalars = st.booleans() | st.integers(-(10**9), 10**9) | st.floats(allow_nan=False, allow_infinity=False) | _texts


@st.composite
def parameters(draw, *, categorical: bool = False) -> Parameter:
    kind = "categorical" if categorical else draw(st.sampled_from(["integer", "continuous", "categorical"]))
    if kind == "categorical":
        values = draw(st.lists(_scalars, min_size=1, max_size=5, unique_by=lambda value: (type(value), value)))
        return CategoricalParameter(values)
    scaling = draw(st.sampled_from(["Auto", "Linear", "Logarithmic"]))
    if kind == "integer":
        low = draw(st.integers(1 if scaling == "Logarithmic" else -(10**6), 10**6))
        return IntegerParameter(low, low + draw(st.integers(1, 10**6)), scaling)
    low, high = sorted(draw(st.lists(st.floats(1e-9, 1e9), min_size=2, max_size=2, unique=True)))
    return ContinuousParameter(low, high, scaling)


def spaces(*, categorical: bool = False) -> st.SearchStrategy[SearchSpace]:
    return st.dictionaries(_keys, parameters(categorical=categorical), min_size=1, max_size=5).map(SearchSpace)


@st.composite
def channels(draw) -> Channel:
    if draw(st.integers(0, 4)) == 0:
        return Channel(source=draw(st.sampled_from(["efs://fs-0123abcd/data", "fsx://fs-0123abcd/"])), writable=True)
    return Channel(
        source=draw(_uris),
        content_type=draw(st.none() | st.just("text/csv")),
        data_type=draw(st.sampled_from(["S3Prefix", "ManifestFile", "AugmentedManifestFile"])),
        distribution=draw(st.sampled_from(["FullyReplicated", "ShardedByS3Key"])),
        input_mode=draw(st.sampled_from([None, "File", "FastFile", "Pipe"])),
        compression=draw(st.sampled_from([None, "None", "Gzip"])),
        record_wrapper=draw(st.sampled_from([None, "None", "RecordIO"])),
        shuffle_seed=draw(st.none() | st.integers(0, 99)),
        attributes=draw(st.lists(names, max_size=2)),
        instance_groups=draw(st.lists(names, max_size=2)),
        request=draw(st.sampled_from([{}, {"NewMember": {"Deep": [1]}}])),
    )


@st.composite
def trainings(draw) -> Training:
    kind = draw(st.sampled_from(["script", "image", "algorithm"]))
    given: dict[str, Any] = {
        "script": {"entry_point": "train.py", "source_dir": "s3://bucket/code/sourcedir.tar.gz"},
        "image": {"image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/own:1"},
        "algorithm": {"algorithm": "my-algorithm"},
    }[kind]
    return Training(
        **given,
        channels=draw(st.dictionaries(names, channels(), max_size=3)),
        environment=draw(st.dictionaries(_keys.filter(lambda key: not key[0].isdigit()), _texts, max_size=2)),
        output=draw(_uris),
    )


@st.composite
def blocks(draw, training: Training, *, main: bool) -> SageMaker:
    fields: dict[str, object] = {"role": ROLE}
    if training.entry_point is not None:
        fields |= {"image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/own:1", "quoting": draw(_QUOTING)}
    if draw(st.booleans()):
        fields["instances"] = [InstanceChoice(type="ml.m5.large"), InstanceChoice(type="ml.m5.xlarge", count=2)]
    else:
        fields |= {"instance_type": "ml.m5.xlarge", "instance_count": draw(st.integers(1, 3))}
        fields["tuning_resources"] = draw(st.booleans())
    if draw(st.booleans()):
        fields |= {"spot": True, "max_wait_seconds": draw(st.integers(90_000, 100_000))}
    if draw(st.booleans()):
        fields |= {"subnets": ["subnet-1", "subnet-2"], "security_groups": ["sg-1"]}
    if draw(st.booleans()):
        fields |= {"checkpoints": draw(_uris), "checkpoint_path": draw(st.none() | st.just("/opt/ml/state"))}
    for flag in ("network_isolation", "encrypt_traffic"):
        fields[flag] = draw(st.booleans())
    options: dict[str, st.SearchStrategy[object]] = {
        "max_pending_seconds": st.integers(1800, 9000),
        "volume_kms_key": st.just("key/1"),
        "output_kms_key": st.just("key/2"),
        "output_compression": st.sampled_from(["GZIP", "NONE"]),
        "input_mode": st.sampled_from(["File", "FastFile", "Pipe"]),
        "retries": st.integers(1, 30),
        "auto_parameters": st.dictionaries(st.just("chosen_by_aws"), st.just("0.1"), min_size=1),
        "definition": st.just({"ResourceConfig": {"TrainingPlanArn": _PLAN}, "NewMember": "kept"}),
    }
    if main:
        options |= {
            "tags": st.dictionaries(names, names, min_size=1, max_size=3),
            "autotune": st.just(True),
            "request": st.just({"HyperParameterTuningJobConfig": {"NewMember": [1, 2]}, "Another": {"x": "y"}}),
        }
        if training.entry_point is not None:
            options["region"] = st.just("eu-west-1")
    chosen = draw(st.lists(st.sampled_from(sorted(options)), unique=True, max_size=5))
    return SageMaker(**{**fields, **{key: draw(options[key]) for key in sorted(chosen)}})


_QUOTING = st.sampled_from(["plain", "json", "python"])
_SHOWN = {"json": "quoted", "python": True}
"""By quoting, a hyperparameter that shows it: what nothing shows cannot be read back."""


@st.composite
def _objectives(draw) -> Objective:
    return Objective(metric=draw(_texts), goal=draw(st.sampled_from(["Maximize", "Minimize"])))


@st.composite
def specs(draw) -> TuningSpec:
    """A spec in the form that :func:`smtune.amt.lower` returns."""
    training = draw(trainings())
    kind = draw(st.sampled_from(["bayesian", "random", "grid", "hyperband"]))
    space = draw(spaces(categorical=kind == "grid"))
    static = draw(st.dictionaries(_keys, _scalars | st.lists(_scalars, max_size=2), max_size=4))
    static = {key: value for key, value in static.items() if key not in space}
    block = draw(blocks(training, main=True))
    if block.quoting in _SHOWN:
        static["shown"] = _SHOWN[block.quoting]
    strategy: object = kind
    if kind == "hyperband":
        most = draw(st.integers(1, 50))
        unit = unit_of(static, most)
        strategy = HyperbandConfig(resource=Resource(unit=unit, min=draw(st.integers(1, most)), max=most))
    several = draw(st.booleans())
    definitions = None
    if several:
        block = block.model_copy(update={"definition_name": "first"})
        definitions = draw(st.dictionaries(names.filter(lambda name: name != "first"), _definitions(), max_size=2))
    spec = TuningSpec(
        name=draw(names),
        objective=draw(_objectives()),
        parameters=space,
        static=static,
        strategy=strategy,
        limits={
            "max_trials": None if kind == "grid" else draw(st.integers(1, 500)),
            "max_parallel": draw(st.integers(1, 10)),
            "max_runtime_seconds": draw(st.none() | st.integers(120, 10**6)),
            "max_trial_seconds": draw(st.integers(60, 86_400)),
        },
        early_stopping=None if kind == "hyperband" or several else draw(st.sampled_from(["Off", "Auto"])),
        completion=Completion(
            target=draw(st.none() | st.floats(-10, 10)),
            not_improving=draw(st.none() | st.integers(3, 20)),
            on_convergence=draw(st.booleans()),
        ),
        seed=draw(st.integers(0, 2**31 - 1)),
        metrics=draw(_METRICS),
        warm_start=None if several else draw(_WARM_STARTS),
        training=training,
        sagemaker=block,
        definitions=definitions,
    )
    planned = spec.planned_trials
    return (
        spec
        if kind == "grid"
        else spec.model_copy(update={"limits": spec.limits.model_copy(update={"max_trials": planned})})
    )


_METRICS = st.dictionaries(names, st.just(r"loss=(\S+)"), min_size=1, max_size=3)
_WARM_STARTS = st.none() | st.builds(
    lambda parents, kind: {"parents": [f"amt:{name}" for name in parents], "type": kind},
    st.lists(names, min_size=1, max_size=5, unique=True),
    st.sampled_from(["IdenticalDataAndAlgorithm"]),
)


@st.composite
def _definitions(draw) -> Definition:
    training = draw(trainings())
    block = draw(blocks(training, main=False))
    space = draw(spaces())
    static = {"shown": _SHOWN[block.quoting]} if block.quoting in _SHOWN and "shown" not in space else {}
    if block.quoting in _SHOWN and not static:
        block = block.model_copy(update={"quoting": "plain"})
    return Definition(
        objective=draw(_objectives()),
        parameters=space,
        static=static,
        metrics=draw(_METRICS),
        max_trial_seconds=draw(st.integers(60, 9000)),
        training=training,
        sagemaker=block,
    )
