"""What List operations do with all that there is: choose, sort, and answer page by page.

A token says behind which entry the next page begins, so that entries which come or go meanwhile neither shift nor
repeat others.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol, TypeVar

from smtune.amt.times import read_optional_time
from smtune.emulator.service.errors import validation

_PAGE: Final = 10
"""Entries of a page where the request does not say."""


class Listed(Protocol):
    """Something with a name and a status; times are seconds since the epoch."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def status(self) -> str:
        """Its status."""

    @property
    def created_at(self) -> float:
        """When it was created."""

    @property
    def modified_at(self) -> float:
        """When it last changed."""


ListedT = TypeVar("ListedT", bound=Listed)
T = TypeVar("T")

SORTS: Final[Mapping[str, Callable[[Listed], float | str]]] = {
    "Name": lambda entry: entry.name,
    "CreationTime": lambda entry: entry.created_at,
    "Status": lambda entry: entry.status,
}
"""``SortBy`` to what entries are sorted by."""


def chosen(entries: Iterable[ListedT], request: Mapping[str, Any]) -> list[ListedT]:
    """Return the entries that the filters of a request let through.

    Args:
        entries: All there are.
        request: ``NameContains``, ``StatusEquals`` and the four times are looked at.
    """
    part, status = request.get("NameContains") or "", request.get("StatusEquals")
    created_after, created_before, modified_after, modified_before = (
        read_optional_time(request.get(name))
        for name in ("CreationTimeAfter", "CreationTimeBefore", "LastModifiedTimeAfter", "LastModifiedTimeBefore")
    )
    return [
        entry
        for entry in entries
        if part in entry.name
        and status in (None, entry.status)
        and (created_after is None or entry.created_at > created_after)
        and (created_before is None or entry.created_at < created_before)
        and (modified_after is None or entry.modified_at > modified_after)
        and (modified_before is None or entry.modified_at < modified_before)
    ]


def page(
    entries: Iterable[T],
    request: Mapping[str, Any],
    *,
    sort: Callable[[T], float | str],
    name: Callable[[T], str],
    order: str = "Ascending",
) -> tuple[list[T], str | None]:
    """Return one page, and the token of the next if there is one.

    Args:
        entries: All that the request lets through.
        request: ``SortOrder``, ``MaxResults`` and ``NextToken`` are looked at.
        sort: What entries are sorted by; those that are equal, by their names.
        name: Name of an entry; no two have the same.
        order: How they are sorted where the request does not say.

    Raises:
        ServiceError: The token is none of this listing.
    """
    descending = (request.get("SortOrder") or order) == "Descending"
    keyed = sorted(
        ((sort(entry), name(entry), entry) for entry in entries), key=lambda one: one[:2], reverse=descending
    )
    token = request.get("NextToken")
    if token:
        last = _read(token)
        try:
            keyed = [one for one in keyed if (one[:2] < last if descending else one[:2] > last)]
        except TypeError:  # of a listing that was sorted by something else
            raise _invalid(token) from None
    size = request.get("MaxResults") or _PAGE
    more = len(keyed) > size
    keyed = keyed[:size]
    return [entry for _, _, entry in keyed], _write(keyed[-1][:2]) if more else None


def _write(key: tuple[float | str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode()


def _read(token: str) -> tuple[float | str, str]:
    try:
        first, name = json.loads(base64.urlsafe_b64decode(token))
    except (ValueError, TypeError, RecursionError):
        raise _invalid(token) from None
    if not isinstance(first, float | int | str) or not isinstance(name, str):
        raise _invalid(token)
    return first, name


def _invalid(token: str) -> Exception:
    return validation(f"Invalid NextToken: {token}")
