"""Uses a known number of CPU seconds: shows whether a measurement counts what trials use."""

import argparse
import time

parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float, required=True)
parser.add_argument("--st_checkpoint_dir")  # Syne Tune's, which wants the result through its own reporter
arguments = parser.parse_args()
while time.process_time() < 0.25:
    pass
if arguments.st_checkpoint_dir:
    from syne_tune import Reporter

    Reporter()(loss=arguments.rate)
else:
    print(f"loss={arguments.rate}")
