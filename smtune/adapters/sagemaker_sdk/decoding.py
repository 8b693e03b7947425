"""From what the SDK would send to a spec that names what lies on this machine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from smtune.adapters.sagemaker_sdk.capture import Capture, local_source
from smtune.adapters.sagemaker_sdk.code import Code
from smtune.adapters.sagemaker_sdk.offline import NO_ACCOUNT, NO_BUCKET
from smtune.amt import decode_request
from smtune.amt.definition import CODE, LOG_LEVEL, PROGRAM, REGION
from smtune.spec import Definition, SageMaker, Training, TuningSpec

JOB_NAME = "sagemaker_job_name"
"""Hyperparameter that version 2 adds; smtune gives the job a name of its own."""
_OF_SDK = "sagemaker_"
"""Begins the names of the hyperparameters that the SDK adds by itself."""
_INFO = "20"
_LOCAL = ("local", "local_gpu")
"""Types of instances of the SDK's local mode: this machine."""


def spec_of(capture: Capture, name: str | None) -> TuningSpec:
    """Return the spec that a captured request means.

    Args:
        capture: What the SDK would send.
        name: The job's name.

    Raises:
        SpecError: Something in it is wrong.
    """
    request = {**capture.request, "HyperParameterTuningJobName": name or "tuning"}
    single = request.get("TrainingJobDefinition")
    if single is not None:
        parts = [_Part(single, capture.code.get(None), capture.region)]
        request["TrainingJobDefinition"] = parts[0].definition
    else:
        definitions = request.get("TrainingJobDefinitions") or []
        parts = [_Part(one, capture.code.get(one.get("DefinitionName")), capture.region) for one in definitions]
        request["TrainingJobDefinitions"] = [part.definition for part in parts]
    spec = decode_request(request)
    changes = {"name": name, **parts[0].local(spec)}
    places = {"region": capture.region, "bucket": capture.bucket, "prefix": capture.prefix}
    changes["sagemaker"] = changes["sagemaker"].model_copy(update=places)
    if spec.definitions is not None:
        further = zip(spec.definitions.items(), parts[1:], strict=True)
        changes["definitions"] = {key: one.model_copy(update=part.local(one)) for (key, one), part in further}
    return TuningSpec.from_dict(spec.model_copy(update=changes).to_dict())


class _Part:
    """One definition of a request, without what is the SDK's own or unknown.

    Attributes:
        definition: What is left of it.
    """

    def __init__(self, encoded: Mapping[str, Any], code: Code | None, region: str | None) -> None:
        self._code = code
        texts = dict(encoded.get("StaticHyperParameters") or {})
        if code is not None:
            quoted = texts.get(PROGRAM, "").startswith('"')
            texts[CODE] = _text(f"s3://{NO_BUCKET}/sourcedir.tar.gz", quoted=quoted)
            texts[PROGRAM] = _text(code.entry_point, quoted=quoted)
        script = {PROGRAM, CODE} <= texts.keys()
        kept = {key: text for key, text in texts.items() if not _is_of_sdk(key, text, script=script)}
        self._statics: dict[str, str | None] = {
            key: text for key, text in texts.items() if key not in kept and key != JOB_NAME
        }
        if script and REGION not in texts and region is not None:
            self._statics[REGION] = None
        self.definition = {**encoded, "StaticHyperParameters": kept}
        if NO_ACCOUNT in str(encoded.get("RoleArn")):
            del self.definition["RoleArn"]
        for member in ("ResourceConfig", "HyperParameterTuningResourceConfig"):
            if (encoded.get(member) or {}).get("InstanceType") in _LOCAL:
                del self.definition[member]

    def local(self, decoded: TuningSpec | Definition) -> dict[str, Any]:
        """Return training and block with folders of this machine, in place of those that were decoded.

        The address of models moves to ``sagemaker.definition``: trainings on this machine keep theirs here.
        """
        training, cloud = decoded.training or Training.model_construct(), decoded.sagemaker or SageMaker()
        channels = {
            name: one.model_copy(update={"source": local_source(one.source)}) for name, one in training.channels.items()
        }
        rest, given = dict(cloud.definition), training.output or ""
        if given.startswith("s3://") and NO_BUCKET not in given:
            rest["OutputDataConfig"] = {**rest.get("OutputDataConfig", {}), "S3OutputPath": given}
        if self._statics:
            rest["StaticHyperParameters"] = {**rest.get("StaticHyperParameters", {}), **self._statics}
        output = local_source(given) if given.startswith("file://") else None
        changes: dict[str, Any] = {"channels": channels, "output": output}
        if self._code is not None:
            changes |= {"source_dir": self._code.source_dir, "entry_point": self._code.entry_point}
        return {
            "training": training.model_copy(update=changes),
            "sagemaker": cloud.model_copy(update={"definition": rest}),
        }


def _text(value: str, *, quoted: bool) -> str:
    return json.dumps(value) if quoted else value


def _is_of_sdk(name: str, text: str, *, script: bool) -> bool:
    """Return whether a hyperparameter is the SDK's own, and says nothing that a spec has a word for."""
    if not name.startswith(_OF_SDK):
        return False
    return not (script and (name in {PROGRAM, CODE, REGION} or (name == LOG_LEVEL and text == _INFO)))
