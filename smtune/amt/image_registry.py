"""Where AWS keeps its containers for XGBoost and scikit-learn: accounts by region, tags by version.

Transcribed on 2026-11-21 from the training sections of ``xgboost.json`` and ``sklearn.json`` in
``sagemaker-core/src/sagemaker/core/image_uri_config/`` of aws/sagemaker-python-sdk (Apache-2.0), commits 2ef567ca and
5e2ee19b. There, all versions of both share one table of accounts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

ACCOUNTS: Final[Mapping[str, str]] = {
    "af-south-1": "510948584623",
    "ap-east-1": "651117190479",
    "ap-northeast-1": "354813040037",
    "ap-northeast-2": "366743142698",
    "ap-northeast-3": "867004704886",
    "ap-south-1": "720646828776",
    "ap-south-2": "628508329040",
    "ap-southeast-1": "121021644041",
    "ap-southeast-2": "783357654285",
    "ap-southeast-3": "951798379941",
    "ap-southeast-4": "106583098589",
    "ca-central-1": "341280168497",
    "ca-west-1": "190319476487",
    "cn-north-1": "450853457545",
    "cn-northwest-1": "451049120500",
    "eu-central-1": "492215442770",
    "eu-central-2": "680994064768",
    "eu-north-1": "662702820516",
    "eu-south-1": "978288397137",
    "eu-south-2": "104374241257",
    "eu-west-1": "141502667606",
    "eu-west-2": "764974769150",
    "eu-west-3": "659782779980",
    "il-central-1": "898809789911",
    "me-central-1": "272398656194",
    "me-south-1": "801668240914",
    "sa-east-1": "737474898029",
    "us-east-1": "683313688378",
    "us-east-2": "257758044811",
    "us-gov-east-1": "237065988967",
    "us-gov-west-1": "414596584902",
    "us-iso-east-1": "833128469047",
    "us-isob-east-1": "281123927165",
    "us-isof-east-1": "108575199400",
    "us-isof-south-1": "124985052026",
    "us-west-1": "746614075791",
    "us-west-2": "246618743249",
}
"""Region to the account that owns the images there."""

DOMAINS: Final[Mapping[str, str]] = {
    "cn-": "amazonaws.com.cn",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "us-isof-": "csp.hci.ic.gov",
}
"""How regions begin whose domain is not ``amazonaws.com`` (botocore's ``partitions.json``)."""

REPOSITORIES: Final[Mapping[str, str]] = {
    "xgboost": "sagemaker-xgboost",
    "scikit-learn": "sagemaker-scikit-learn",
}

TAGS: Final[Mapping[str, Mapping[str, str]]] = {
    "xgboost": {
        "0.90-1": "0.90-1-cpu-py3",
        "0.90-2": "0.90-2-cpu-py3",
        "1.0-1": "1.0-1-cpu-py3",
        "1.2-1": "1.2-1",
        "1.2-2": "1.2-2",
        "1.3-1": "1.3-1",
        "1.5-1": "1.5-1",
        "1.7-1": "1.7-1",
        "3.0-5": "3.0-5",
        "3.2-0": "3.2-0",
    },
    "scikit-learn": {
        "0.20.0": "0.20.0-cpu-py3",
        "0.23-1": "0.23-1-cpu-py3",
        "1.0-1": "1.0-1-cpu-py3",
        "1.2-1": "1.2-1-cpu-py3",
        "1.4-2": "1.4-2-cpu-py3",
        "1.4-2-py312": "1.4-2-py312-cpu-py3",
        "1.9-0": "1.9-0-cpu-py3",
    },
}
"""Framework and version to the tag of the image; oldest first."""

_VALIDATION: Final[Mapping[str, str]] = {
    "Maximize": "accuracy auc aucpr balanced_accuracy f1 f1_binary f1_macro map ndcg precision precision_macro"
    " precision_micro r2 recall recall_macro recall_micro",
    "Minimize": "aft-nloglik cox-nloglik error gamma-deviance gamma-nloglik interval-regression-accuracy logloss mae mape"
    " merror mlogloss mphe mse poisson-nloglik rmse rmsle tweedie-nloglik",
}

XGBOOST_METRICS: Final[Mapping[str, str]] = {
    f"validation:{name}": goal for goal, names in _VALIDATION.items() for name in names.split()
}
"""What the XGBoost container emits without a script, and which way it counts as better.

From ``constants/xgb_constants.py`` of aws/sagemaker-xgboost-container (Apache-2.0), commit 0f2757e4 (XGBoost 1.5); older
containers lack a few.
"""

XGBOOST_REGEX: Final = r".*\[[0-9]+\].*#011{}:([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?).*"
"""How SageMaker finds them in the log, as DescribeTrainingJob shows it (aws/sagemaker-xgboost-container#121)."""
