"""Tables in terminals that are too narrow for them."""

from __future__ import annotations

import io

import pytest

from smtune.cli.output import print_table

HEADER = ("metric", "last", "verdict")
ROW = ("loss", "7: epoch 3 of 10, loss=0.25, and so on", "proven")


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def shown(monkeypatch):
    def lines(columns, **options):
        monkeypatch.setenv("COLUMNS", str(columns))
        terminal = Terminal()
        monkeypatch.setattr("sys.stdout", terminal)
        print_table(HEADER, [ROW], **options)
        return terminal.getvalue().splitlines()

    return lines


def test_a_column_gives_way_to_those_beside_it(shown):
    assert shown(40, gives_way="last") == [
        "metric  last                     verdict",
        "loss    7: epoch 3 of 10, loss…  proven",
    ]
    assert shown(80, gives_way="last")[1].split("  ")[2] == ROW[1]


def test_no_line_is_wider_than_the_terminal(shown):
    for options in ({}, {"gives_way": "last"}):
        assert max(map(len, shown(12, **options))) == 12
