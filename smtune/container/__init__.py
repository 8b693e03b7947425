"""What a training script uses inside a training container.

A training container runs one script with typed hyperparameters and data channels, and collects the metrics and the model
that it leaves. This package is the script's side of that contract: the same script runs on a laptop, in a container of
its own and under the SageMaker training toolkit, with nothing but Python 3.8 or newer.

A whole training script::

    from smtune.container import channel, hyperparameters, model_dir, report, stop_signal

    params = hyperparameters(defaults={"eta": 0.3, "epochs": 10})      # typed, from wherever they come
    rows = (channel("train") / "rows.csv").read_text().splitlines()
    with stop_signal() as stop:
        for epoch in range(params["epochs"]):
            loss = train_one_epoch(rows, params["eta"])
            report({"train:loss": loss}, step=epoch)                   # smtune: step=0; train:loss=0.25
            if stop.requested:                                         # SIGTERM: save and leave
                break
    (model_dir() / "model.txt").write_text("...")
"""

from smtune.container.environment import (
    Environment,
    channel,
    channels,
    checkpoint_dir,
    hyperparameters,
    model_dir,
    output_dir,
)
from smtune.container.repeats import repeat, repeated
from smtune.container.reporting import (
    Report,
    capture_reports,
    metric_definitions,
    metric_regex,
    parse_report,
    report,
)
from smtune.container.termination import StopSignal, stop_signal
from smtune.container.values import decode_value, encode_value

__all__ = [
    "Environment",
    "Report",
    "StopSignal",
    "capture_reports",
    "channel",
    "channels",
    "checkpoint_dir",
    "decode_value",
    "encode_value",
    "hyperparameters",
    "metric_definitions",
    "metric_regex",
    "model_dir",
    "output_dir",
    "parse_report",
    "repeat",
    "repeated",
    "report",
    "stop_signal",
]
