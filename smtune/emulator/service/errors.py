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
