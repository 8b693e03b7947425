from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from smtune.progress.texts import clean, clean_lines, cut


@given(st.text())
def test_nothing_that_could_move_a_cursor_survives(text):
    shown = clean(text)

    assert not any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") for character in shown)
    assert clean(shown) == shown


def test_colours_and_titles_leave_no_debris():
    assert clean("\x1b[1;31mred\x1b[0m \x1b]0;title\x07plain \x1b]8;;http://a\x1b\\link") == "red plain link"


@given(st.text(), st.integers(0, 50))
def test_cut_text_fits_and_says_that_it_was_cut(text, width):
    shown = cut(text, width)

    assert len(shown) <= width
    assert shown == text or width == 0 or shown.endswith("…")


def test_lines_keep_their_indentation():
    assert clean_lines("Traceback:\n  File x\n\x1b[31mValueError") == "Traceback:\n  File x\nValueError"
