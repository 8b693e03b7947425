"""Who asks AWS, and where: profile, region, endpoint and credentials, as boto3's clients.

AWS's own environment variables and files hold: ``AWS_PROFILE``, ``AWS_DEFAULT_REGION``, ``AWS_ENDPOINT_URL`` (and one per
service, STS too), ``AWS_MAX_ATTEMPTS``, proxies, ``AWS_CA_BUNDLE``. Not supported: asking for the code of a
multi-factor device, and roles to be assumed other than through a profile.
"""

from __future__ import annotations

import os
import re
from importlib.util import find_spec
from threading import Lock
from typing import Any, Final
from urllib.parse import urlsplit

from smtune import __version__
from smtune.backends.aws.answers import look_at_answers
from smtune.backends.aws.troubles import explained
from smtune.errors import AwsError, MissingExtraError, Problem, SpecError
from smtune.spec.problems import closest

ROLE_ARN: Final = re.compile(
    r"arn:aws[a-z-]*:iam::(?P<account>\d{12}):role/(?P<path>[a-zA-Z0-9_+=,.@/-]*?/)?(?P<name>[^/]+)"
)
"""A role of IAM, as SageMaker wants it."""

_ATTEMPTS: Final = 8
"""A call is made at most so often; with adaptive retries that is a minute or so of throttling."""

_CONNECT_SECONDS: Final = 10
_READ_SECONDS: Final = {"s3": 60}
"""So long may a service stay silent that moves files; the others answer within seconds, or not at all."""

_LONGEST_SILENCE: Final = 20

_UNCONFIGURED: Final = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}
"""Variables of botocore's sessions: name to key, environment variable, default, conversion."""


def require_boto3(what: str) -> None:
    """Ask for the optional package before anything else is done.

    Args:
        what: What the user asked for, e.g. ``"the backend amt"``.

    Raises:
        MissingExtraError: boto3 is not installed.
    """
    if find_spec("boto3") is None:
        raise MissingExtraError(what, "aws")


class Account:
    """An AWS account in one region, through one endpoint.

    Nothing is sent before a client is used. Clients are made once, may be shared by threads, and slow down by
    themselves when a service is asked too often (botocore's adaptive retries).

    Args:
        profile: Name of a profile in AWS's files; ``None`` for the usual choice.
        region: E.g. ``eu-west-1``; ``None`` for the one that the environment or the profile sets.
        endpoint_url: Where all services are, e.g. an emulator; ``None`` for AWS, or where the environment says.
        credentials: Key and secret, in place of whatever the environment and AWS's files say: these are not looked at.

    Raises:
        MissingExtraError: boto3 is not installed.
        SpecError: The profile or the region is unknown, no region is set, or the endpoint is no address.
    """

    def __init__(
        self,
        profile: str | None = None,
        region: str | None = None,
        endpoint_url: str | None = None,
        *,
        credentials: tuple[str, str] | None = None,
    ) -> None:
        require_boto3("a job on AWS")
        import boto3
        import botocore.session
        from botocore.exceptions import ProfileNotFound

        if endpoint_url is not None:
            _check_endpoint(endpoint_url)
        core = botocore.session.Session(_UNCONFIGURED if credentials else None, profile=profile)
        if credentials is not None:
            core.set_credentials(*credentials)
        self._direct: Final = credentials is not None
        try:
            core.get_scoped_config()
        except ProfileNotFound:
            raise SpecError([_unknown_profile(core)]) from None
        self.region: Final[str] = _checked_region(region or core.get_config_variable("region"), core)
        self.profile: Final = profile
        self.endpoint_url: Final = endpoint_url
        self._core = core
        self._session = boto3.session.Session(botocore_session=core, region_name=self.region)
        self._clients: dict[tuple[str, str], Any] = {}
        self._account_id: str | None = None
        self._lock = Lock()

    def __repr__(self) -> str:
        return f"Account(profile={self.profile!r}, region={self.region!r})"

    def client(self, service: str, *, region: str | None = None) -> Any:
        """Return boto3's client of a service, e.g. ``"sagemaker"``, ``"s3"``, ``"service-quotas"``.

        Args:
            service: boto3's name for it.
            region: Another region than the account's, for services that are not everywhere (``pricing``).

        Raises:
            AwsError: boto3 cannot make it, e.g. for proxies that are not valid.
        """
        key = (service, region or self.region)
        with self._lock:
            if key not in self._clients:
                self._clients[key] = self._new_client(*key)
            return self._clients[key]

    def has_credentials(self) -> bool:
        """Return whether there are credentials at all, valid or not; sends nothing but what finds them.

        On machines of AWS without a configuration, credentials are found by asking the machine's metadata service.

        Raises:
            AwsError: There is a configuration, and it gives none, e.g. since a login has expired.
        """
        with explained("the AWS credentials"):
            return self._session.get_credentials() is not None

    def account_id(self, role: str | None = None) -> str:
        """Return the 12 digits of the account; STS is asked once.

        Args:
            role: ARN of a role of the account, believed where STS cannot be reached.

        Raises:
            AwsError: STS refuses, or cannot be reached and there is no role to tell.
        """
        with self._lock:
            known = self._account_id
        if known is not None:
            return known
        try:
            with explained("the AWS account", service="STS"):
                identity = self.client("sts").get_caller_identity()
        except AwsError as error:
            told = ROLE_ARN.fullmatch(role) if role else None
            if told is None or error.credentials_expired or not error.transient:
                raise
            return told["account"]
        with self._lock:
            self._account_id = str(identity["Account"])
            return self._account_id

    def _new_client(self, service: str, region: str) -> Any:
        from botocore.config import Config

        retries: dict[str, Any] = {"mode": "adaptive"}
        if self._core.get_config_variable("max_attempts") is None:
            retries["total_max_attempts"] = _ATTEMPTS
        config = Config(
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS.get(service, _LONGEST_SILENCE),
            retries=retries,
            proxies={} if self._direct else None,
            user_agent_extra=f"smtune/{__version__}",
        )
        try:
            with explained(f"the connection to {service}"):
                client = self._session.client(
                    service, region_name=region, endpoint_url=self.endpoint_url, config=config
                )
        except ValueError:  # an endpoint of the environment; its text may hold a password
            fix = "correct AWS_ENDPOINT_URL, or unset it"
        else:
            look_at_answers(client)
            return client
        raise AwsError(f"the connection to {service}", "the endpoint is no address", fix, code="InvalidEndpoint")


def _check_endpoint(url: str) -> None:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # a port that is no number
        good = False
    if not good:
        raise SpecError([Problem("endpoint_url", None, "is no address", "write e.g. http://127.0.0.1:5000")])


def _unknown_profile(core: Any) -> Problem:
    given = core.profile
    profiles = sorted(core.available_profiles)
    otherwise = f"there are {', '.join(profiles)}" if profiles else "there are none: create one with `aws configure`"
    return Problem("profile", given, "is no profile of AWS's configuration files", closest(given, profiles, otherwise))


def region_problem(region: str) -> Problem | None:
    """Return what is wrong with the name of a region, or ``None``; sends nothing."""
    import botocore.session

    try:
        _checked_region(region, botocore.session.Session(_UNCONFIGURED))  # a profile that is unknown is told elsewhere
    except SpecError as error:
        return error.problems[0]
    return None


def _checked_region(region: str | None, core: Any) -> str:
    """Return a region that botocore knows; partitions are data of botocore, so nothing is sent."""
    if not region:
        raise SpecError([Problem("region", None, "no AWS region is set", "name one, or set AWS_DEFAULT_REGION")])
    partitions = core.get_data("partitions")["partitions"]
    known = sorted(name for one in partitions for name in one["regions"] if not name.endswith("-global"))
    if region in known:
        return str(region)
    fix = closest(region, known, "write e.g. eu-west-1; a region that is newer than botocore needs its update")
    raise SpecError([Problem("region", region, "is no AWS region", fix)])
