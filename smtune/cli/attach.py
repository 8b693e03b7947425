"""``smtune attach``: make a job known here that was started elsewhere."""

from __future__ import annotations

from smtune.cli.options import BackendName, EndpointUrl, Name, Output, OutputFormat, Profile, Region


def attach(
    name: Name,
    backend: BackendName = "amt",
    output: OutputFormat = Output.table,
    profile: Profile = None,
    region: Region = None,
    endpoint_url: EndpointUrl = None,
) -> None:
    """Make a tuning job of the AWS account known here, whoever started it, and show how it stands.

    From then on, all commands take its name.
    """
    from smtune.backends import attach as attach_job
    from smtune.cli.output import print_json, print_summary
    from smtune.cli.places import new_place

    result = attach_job(
        name, backend=new_place(backend, profile=profile, region=region, endpoint_url=endpoint_url)
    ).result()
    if output is Output.json:
        print_json(result.to_dict())
        return
    print_summary(result)
