"""``smtune schema``: the keys of a spec, for editors."""

from __future__ import annotations


def schema() -> None:
    """Print the JSON schema of spec files.

    Saved as tuning.schema.json beside a spec, editors complete and check the spec once it begins with the line
    "# yaml-language-server: $schema=./tuning.schema.json".
    """
    from smtune.cli.output import print_json
    from smtune.spec import TuningSpec

    print_json(TuningSpec.model_json_schema())
