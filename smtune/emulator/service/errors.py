"""What the service answers instead, with AWS's codes and texts."""

from __future__ import annotations


class ServiceError(Exception):
    """A call was refused.

    Attributes:
        code: AWS's error code, e.g. ``ResourceNotFound``.
        message: AWS's text.
        status: HTTP status.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


def validation(message: str) -> ServiceError:
    """Return the error for a request that breaks a rule."""
    return ServiceError("ValidationException", message)


def in_use(message: str) -> ServiceError:
    """Return the error for a name that is taken."""
    return ServiceError("ResourceInUse", message)


def not_found(message: str) -> ServiceError:
    """Return the error for something that is not there."""
    return ServiceError("ResourceNotFound", message)


def closed() -> ServiceError:
    """Return the error for a request that comes when the emulator is at its end."""
    return ServiceError("ServiceUnavailable", "The emulator is closed.", 503)


def only_looked_at(operation: str) -> ServiceError:
    """Return the error for a request to change what is only looked at."""
    text = f"{operation} is refused: this emulator was started only to look at its data directory"
    return ServiceError("AccessDeniedException", f"{text}; start one with resume=True")


def over_quota(instance_type: str, asked: int, quota: int) -> ServiceError:
    """Return the error for more instances than there are."""
    text = (
        f"The account-level service limit '{instance_type} for training job usage' is {quota} Instances, with current"
        f" utilization of 0 Instances and a request delta of {asked} Instances. This machine has no more to give."
    )
    return ServiceError("ResourceLimitExceeded", text)
