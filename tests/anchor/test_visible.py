"""What others wrote cannot act on the terminal of who reads it."""

import json

from hypothesis import given
from hypothesis import strategies as st

from anchor.visible import as_json, in_one_line, of_a_log, visible
from tests.anchor.hostile_texts import SGR, TEXTS, acting


@given(TEXTS)
def test_nothing_is_left_of_a_text_that_acts_but_lines_and_tabs(text: str) -> None:
    assert acting(visible(text)) == set()
    assert acting(in_one_line(text), but="") == set()


@given(TEXTS)
def test_nothing_is_left_of_a_log_that_acts_but_colours_which_end_with_it(text: str) -> None:
    shown = of_a_log(text, colours=True)
    assert acting(SGR.sub("", shown)) == set()
    assert ("\x1b" in shown) == shown.endswith("\x1b[0m")
    assert acting(of_a_log(text, colours=False)) == set()


# What a terminal shows in another way for each number, in ECMA-48 and xterm's manual. Solarized's dark
# background is its bright black.
HIDES = {5, 6, 7, 8, 9, 28, 30, 37, 38, *range(40, 48), 48, 49, 58, 90, 97, *range(100, 108)}


@given(st.lists(st.lists(st.integers(0, 110), max_size=4) | st.sampled_from([[38, 5, 31], [48, 2, 1, 2, 3]])))
def test_no_colour_is_left_that_hides_what_a_log_says(colours: list[list[int]]) -> None:
    written = [f"\x1b[{';'.join(map(str, numbers))}m" for numbers in colours]
    shown = of_a_log("".join(f"{colour}text" for colour in written), colours=True)
    left = [[int(each or 0) for each in found[2:-1].split(";")] for found in SGR.findall(shown)]
    assert not {number for numbers in left for number in numbers} & HIDES
    assert SGR.sub("", shown) == "text" * len(colours)
    # Where a sequence asks for nothing of that, it is left as it was written.
    plain = {0, 1, 2, 3, 4, 22, 23, 24, 39, *range(31, 37), *range(91, 97)}
    kept = [each for each, numbers in zip(written, colours, strict=True) if plain.issuperset(numbers)]
    assert SGR.findall(shown) == [*kept, "\x1b[0m"] * bool(kept)


def test_of_the_colours_that_hide_what_a_log_says_none_is_left() -> None:
    for number in HIDES:
        assert of_a_log(f"\x1b[1;{number}mtext", colours=True) == "text"


@given(
    st.dictionaries(TEXTS, TEXTS, max_size=3).map(json.dumps).map(json.loads)
)  # as the API's answers are read
def test_json_is_the_same_to_a_program_and_acts_on_nobody(value: object) -> None:
    said = as_json(value)
    assert json.loads(said) == value
    assert acting(said, but="\n") == set()


def test_what_does_not_act_is_shown_as_it_was_written() -> None:
    for text in (
        "Fix it\n\n\tNow",
        "naïve 日本語 \U0001f469\u200d\U0001f52c \u0645\u06cc\u200c\u062e",
        r"\x1b [bold] :smile:",
    ):
        assert visible(text) == of_a_log(text, colours=True) == of_a_log(text, colours=False) == text
        assert in_one_line(text) == text.replace("\n", r"\n").replace("\t", r"\t")
        assert text in json.loads(as_json([text]))
    assert as_json("日本語") == '"日本語"'


def test_what_acts_is_shown_as_python_writes_it() -> None:
    assert visible("a\x1b]52;c;eA==\x07\x9b1m\u202e\U000e0041\ud800\rb") == (
        r"a\x1b]52;c;eA==\x07\x9b1m\u202e\U000e0041\ud800\rb"
    )
    assert visible("of Windows\r\nand its end\r") == "of Windows\nand its end"
    assert as_json("\x9b\u202e\U000e0041") == r'"\u009b\u202e\udb40\udc41"'


def test_a_logs_colours_are_there_or_not_and_nothing_else_of_escapes_is_taken_for_one() -> None:
    line = "\x1b[01;32m✓\x1b[m\x1b[38;5;8m\x1b[4:3m done\x1b[K \x1b[>4;2m \x1b[31"
    assert of_a_log(line, colours=True) == "\x1b[01;32m✓\x1b[m done\\x1b[K \\x1b[>4;2m \\x1b[31\x1b[0m"
    assert of_a_log(line, colours=False) == "✓ done\\x1b[K \\x1b[>4;2m \\x1b[31"
    # What is left when a colour is taken out does not become a control by that.
    assert of_a_log("\x1b\x1b[0m[2J", colours=False) == r"\x1b[2J"
