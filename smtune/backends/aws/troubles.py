"""What errors of AWS and of boto3 mean: a rule, a fix, and whether waiting helps.

They are told by their kind. What boto3 writes may hold passwords of proxies, tokens and signed addresses, so it is
dropped; the few messages of SageMaker that say what is wrong with a request are passed on without what looks like a
secret. Not supported: errors of other libraries, and the HTTP bodies of proxies.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from smtune.errors import AwsError

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError, ClientError


class _Meaning(NamedTuple):
    rule: str
    fix: str
    transient: bool = False
    credentials_expired: bool = False


_SIGN_IN = "sign in again, e.g. with `aws configure` or `aws sso login`"
_WAIT = "try again later"
_NETWORK = "check the network, proxies and the region"
_NOT_VALID = _Meaning("the AWS credentials are not valid", _SIGN_IN)
_EXPIRED = _Meaning("the AWS credentials have expired", _SIGN_IN, transient=True, credentials_expired=True)
_CLOCK = _Meaning("AWS does not accept the time of this machine's clock", "set the clock")
_NOT_REACHED = _Meaning("{service} cannot be reached", _NETWORK, transient=True)
_INTERRUPTED = _Meaning("the connection to {service} broke", _NETWORK, transient=True)
_NOT_AWS = _Meaning("{service} does not answer as AWS does", "check the endpoint, e.g. AWS_ENDPOINT_URL, and proxies")
_THROTTLED = _Meaning("{service} is asked too often", _WAIT, transient=True)

_REFUSALS: Final[Mapping[str, _Meaning]] = {
    "400": _Meaning(
        "{service} answers 400, as it does where credentials have expired", _SIGN_IN
    ),  # to HEAD, without words
    "404": _Meaning("{service} has no such object", "it was deleted, or never written"),  # to HEAD, without words
    "AuthFailure": _NOT_VALID,
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "IncompleteSignature": _NOT_VALID,
    "InvalidAccessKeyId": _NOT_VALID,
    "InvalidClientTokenId": _NOT_VALID,
    "InvalidSignatureException": _NOT_VALID,
    "InvalidToken": _NOT_VALID,
    "RequestExpired": _EXPIRED,
    "RequestTimeTooSkewed": _CLOCK,
    "SignatureDoesNotMatch": _NOT_VALID,
    "TokenRefreshRequired": _EXPIRED,
    "UnrecognizedClientException": _NOT_VALID,
    **dict.fromkeys(
        (
            "BandwidthLimitExceeded",
            "PriorRequestNotComplete",
            "RequestLimitExceeded",
            "RequestThrottled",
            "RequestThrottledException",
            "SlowDown",
            "ThrottledException",
            "Throttling",
            "ThrottlingException",
            "TooManyRequestsException",
        ),
        _THROTTLED,
    ),
    **dict.fromkeys(("RequestTimeout", "RequestTimeoutException"), _INTERRUPTED),
    "OperationAborted": _Meaning("S3 is changing the same thing for somebody else", _WAIT, transient=True),
}
"""The services' error codes; the throttling ones are botocore's own list (``botocore.retries.standard``)."""

_FORBIDDEN: Final = frozenset({"403", "AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})

_TROUBLES: Final[Mapping[str, _Meaning]] = {
    "NoCredentialsError": _Meaning("there are no AWS credentials", _SIGN_IN),
    "PartialCredentialsError": _Meaning("the AWS credentials are incomplete", _SIGN_IN),
    "NoRegionError": _Meaning("no AWS region is set", "name one, or set AWS_DEFAULT_REGION"),
    "ProfileNotFound": _Meaning("there is no such AWS profile", "correct its name or AWS_PROFILE, or unset it"),
    "SSLError": _Meaning(
        "the TLS certificate of {service} is not trusted", "set AWS_CA_BUNDLE to the certificates of the proxy"
    ),
    "ProxyConnectionError": _Meaning("the proxy cannot be reached", "check HTTPS_PROXY and NO_PROXY", transient=True),
    "InvalidProxiesConfigError": _Meaning("the proxy settings are not valid", "check HTTPS_PROXY and NO_PROXY"),
    "EndpointConnectionError": _NOT_REACHED,
    "ConnectTimeoutError": _NOT_REACHED,
    **dict.fromkeys(
        (
            "CredentialRetrievalError",
            "LoginRefreshRequired",
            "LoginTokenLoadError",
            "SSOTokenLoadError",
            "TokenRetrievalError",
            "UnauthorizedSSOTokenError",
        ),
        _EXPIRED,
    ),
}
"""boto3's own errors."""

_TELLING: Final = frozenset({"ResourceInUse", "ResourceLimitExceeded", "ValidationException"})
"""What SageMaker says with these is about the request, and worth reading."""

_AS_MANY_WORDS: Final = 1000
"""Characters of what a service says that are passed on."""

_MISSING_ACTION = re.compile(r"not authorized to perform:? ([a-z0-9-]+:[A-Za-z0-9]+)")

_REMOVED: Final = "[removed]"
_SECRETS: Final = (
    re.compile(r"\b(?:AKIA|ASIA|AKID)[A-Z0-9]+\b"),  # names of access keys
    re.compile(r"AWS4-HMAC-SHA256[^\n]*"),  # an Authorization header, and any other kind of it
    re.compile(r"(?i)\bauthorization\b[\"']?\s*[=:][^\n]*"),
    re.compile(r"\beyJ[\w.-]+"),  # a JSON web token
    re.compile(
        r"""(?ix) \b (?: x-amz-(?:security-token|signature|credential|date)
                       | awsaccesskeyid | signature | password | secret\w* | (?:session|access)_?token )
            ["']? \s* [=:] \s* ["']? [^\s&"',;]+"""
    ),
    re.compile(r"(?<=://)\S+@|[^\s/:@]+:(?!//)[^\s@]+@"),  # user:password@
    re.compile(r"[A-Za-z0-9+/_=-]{100,}"),  # session and web tokens
    # A secret key has 40 characters of base64 of every kind. Names have hyphens, which stop these patterns.
    re.compile(r"(?=[A-Za-z0-9+/]*[A-Z])(?=[A-Za-z0-9+/]*[a-z])(?=[A-Za-z0-9+/]*[0-9])[A-Za-z0-9+/]{30,}={0,2}"),
)


def without_secrets(text: str) -> str:
    """Return a message of AWS on one line, cut to a readable length, without what looks like a secret.

    >>> without_secrets("proxy http://ann:hunter2@proxy:8080 says: no key AKIAIOSFODNN7EXAMPLE")
    'proxy http://[removed]proxy:8080 says: no key [removed]'
    """
    if len(text) > 4 * _AS_MANY_WORDS:  # a page of a proxy: patterns take time, and a secret cut in two is not seen
        text = text[: 4 * _AS_MANY_WORDS].rpartition(" ")[0]
    for secret in _SECRETS:
        text = secret.sub(_REMOVED, text)
    text = " ".join(text.split())
    return text if len(text) <= _AS_MANY_WORDS else text[: _AS_MANY_WORDS - 3] + "..."


@contextmanager
def explained(what: str, *, service: str = "AWS", actions: str = "") -> Iterator[None]:
    """Turn errors of boto3 within the block into :class:`AwsError`, without their texts and without the originals.

    Args:
        what: What the block attempts, as the subject of a sentence.
        service: Who answers, e.g. ``"SageMaker"``.
        actions: IAM actions that the block needs, told where AWS does not say which one was missing.

    Raises:
        AwsError: boto3 raised an error.
    """
    from boto3.exceptions import S3TransferFailedError, S3UploadFailedError
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    try:
        yield
    except ClientError as error:
        trouble = _of_refusal(what, error, service, actions)
    except BotoCoreError as error:
        trouble = _of_trouble(what, error, service)
    except (ResponseParserError, KeyError) as error:  # the second where botocore, or the block, misses a member
        trouble = _error(what, _NOT_AWS, type(error).__name__, service, "")
    except (S3TransferFailedError, S3UploadFailedError) as error:
        cause = error.__context__
        if isinstance(cause, ClientError):
            trouble = _of_refusal(what, cause, service, actions)
        else:
            trouble = AwsError(what, "the transfer failed", _WAIT, code=type(error).__name__, transient=True)
    else:
        return
    raise trouble from None  # a traceback would print boto3's text


def _of_refusal(what: str, error: ClientError, service: str, actions: str) -> AwsError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    message = str(error.response.get("Error", {}).get("Message", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    known = _REFUSALS.get(code)
    if code in _FORBIDDEN:
        meaning = _forbidden(message, actions)
    elif known is not None:
        meaning = known
    elif status >= 500 or status == 429:
        meaning = _Meaning(f"{service} answers {code}", _WAIT, transient=True)
    else:
        meaning = _Meaning(f"{service} answers {code}", "change the request, or try again later")
    return _error(what, meaning, code, service, without_secrets(message) if code in _TELLING else "")


def _forbidden(message: str, actions: str) -> _Meaning:
    action = _MISSING_ACTION.search(message)
    needed = action[1] if action else actions
    denied = ": a policy denies it" if "explicit deny" in message else ""
    fix = f"allow {needed}" if needed else "ask for the permission"
    return _Meaning(f"these AWS credentials are not authorised{denied}", fix)


def _of_trouble(what: str, error: BotoCoreError, service: str) -> AwsError:
    from botocore.exceptions import ConnectionError as BotoConnectionError
    from botocore.exceptions import HTTPClientError

    kind = type(error).__name__
    meaning = _TROUBLES.get(kind)
    if meaning is None and isinstance(error, BotoConnectionError | HTTPClientError):
        meaning = _INTERRUPTED
    if meaning is None:
        meaning = _Meaning(f"boto3 reports {kind}", "check the AWS configuration and the network")
    return _error(what, meaning, kind, service, "")


def _error(what: str, meaning: _Meaning, code: str, service: str, words: str) -> AwsError:
    return AwsError(
        what,
        meaning.rule.replace("{service}", service),
        meaning.fix,
        words=words,
        code=code,
        transient=meaning.transient,
        credentials_expired=meaning.credentials_expired,
    )
