"""How amounts of money look."""

from __future__ import annotations


def usd_text(amount: float) -> str:
    """Return what something costs, in dollars and cents.

    >>> [usd_text(amount) for amount in (0, 0.0004, 0.02, 1.8351, 12345.6)]
    ['$0.00', 'less than $0.01', '$0.02', '$1.84', '$12,345.60']
    """
    return "less than $0.01" if 0 < amount < 0.005 else f"${amount:,.2f}"


def rate_text(amount: float) -> str:
    """Return a price, with all the digits that it has.

    >>> rate_text(0.115), rate_text(1.2701), rate_text(113.068)
    ('$0.115', '$1.2701', '$113.068')
    """
    return f"${amount:.10g}"
