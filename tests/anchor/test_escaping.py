"""Untrusted text cannot control the terminal."""

import json

from hypothesis import given
from hypothesis import strategies as st

from anchor.escaping import escape_controls, escape_log, escape_to_one_line, format_json
from tests.anchor.hostile_texts import SGR, TEXTS, find_control_characters


@given(TEXTS)
def test_only_line_feeds_and_tabs_stay_unescaped(text: str) -> None:
    assert find_control_characters(escape_controls(text)) == set()
    assert find_control_characters(escape_to_one_line(text), allowed="") == set()


@given(TEXTS)
def test_a_log_keeps_only_colors_and_resets_them_at_its_end(text: str) -> None:
    escaped = escape_log(text, colors=True)
    assert find_control_characters(SGR.sub("", escaped)) == set()
    assert ("\x1b" in escaped) == escaped.endswith("\x1b[0m")
    assert find_control_characters(escape_log(text, colors=False)) == set()


# SGR numbers (ECMA-48, xterm) that can make text unreadable. 90 (bright black) is one of them, because the
# terminal theme Solarized Dark uses it as the background color.
HIDING = {5, 6, 7, 8, 9, 28, 30, 37, 38, *range(40, 48), 48, 49, 58, 90, 97, *range(100, 108)}


@given(st.lists(st.lists(st.integers(0, 110), max_size=4) | st.sampled_from([[38, 5, 31], [48, 2, 1, 2, 3]])))
def test_colors_that_can_hide_text_are_removed_and_others_kept(colors: list[list[int]]) -> None:
    written = [f"\x1b[{';'.join(map(str, numbers))}m" for numbers in colors]
    escaped = escape_log("".join(f"{sequence}text" for sequence in written), colors=True)
    left = [[int(each or 0) for each in found[2:-1].split(";")] for found in SGR.findall(escaped)]
    assert not {number for numbers in left for number in numbers} & HIDING
    assert SGR.sub("", escaped) == "text" * len(colors)
    plain = {0, 1, 2, 3, 4, 22, 23, 24, 39, *range(31, 37), *range(91, 97)}
    kept = [each for each, numbers in zip(written, colors, strict=True) if plain.issuperset(numbers)]
    assert SGR.findall(escaped) == [*kept, "\x1b[0m"] * bool(kept)


def test_each_color_that_can_hide_text_is_removed() -> None:
    for number in HIDING:
        assert escape_log(f"\x1b[1;{number}mtext", colors=True) == "text"


@given(st.dictionaries(TEXTS, TEXTS, max_size=3).map(json.dumps).map(json.loads))
def test_formatted_json_has_the_same_value_and_no_control_characters(value: object) -> None:
    formatted = format_json(value)
    assert json.loads(formatted) == value
    assert find_control_characters(formatted, allowed="\n") == set()


def test_harmless_text_is_not_changed() -> None:
    for text in (
        "Fix it\n\n\tNow",
        "naïve 日本語 \U0001f469\u200d\U0001f52c \u0645\u06cc\u200c\u062e",
        r"\x1b [bold] :smile:",
    ):
        assert (
            escape_controls(text) == escape_log(text, colors=True) == escape_log(text, colors=False) == text
        )
        assert escape_to_one_line(text) == text.replace("\n", r"\n").replace("\t", r"\t")
        assert text in json.loads(format_json([text]))
    assert format_json("日本語") == '"日本語"'


def test_control_characters_are_escaped_as_in_python() -> None:
    assert escape_controls("a\x1b]52;c;eA==\x07\x9b1m\u202e\U000e0041\ud800\rb") == (
        r"a\x1b]52;c;eA==\x07\x9b1m\u202e\U000e0041\ud800\rb"
    )
    assert escape_controls("of Windows\r\nand its end\r") == "of Windows\nand its end"
    assert format_json("\x9b\u202e\U000e0041") == r'"\u009b\u202e\udb40\udc41"'


def test_only_complete_color_sequences_count_as_colors() -> None:
    line = "\x1b[01;32m✓\x1b[m\x1b[38;5;8m\x1b[4:3m done\x1b[K \x1b[>4;2m \x1b[31"
    assert escape_log(line, colors=True) == "\x1b[01;32m✓\x1b[m done\\x1b[K \\x1b[>4;2m \\x1b[31\x1b[0m"
    assert escape_log(line, colors=False) == "✓ done\\x1b[K \\x1b[>4;2m \\x1b[31"
    # After a color is removed, the text around it must not form a new control sequence.
    assert escape_log("\x1b\x1b[0m[2J", colors=False) == r"\x1b[2J"
