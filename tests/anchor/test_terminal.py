"""The real terminal: its width, its prompts and the browser of the user."""

import io
import webbrowser

import pytest

from anchor.terminal import get_terminal_width, open_in_browser, read_line

URL = "https://next-site.example.com"


class Screen(io.StringIO):
    """A stream that reports that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The URLs that were opened, on a Linux machine without a desktop."""
    urls: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda url: urls.append(url) or True)
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    return urls


def test_without_a_desktop_no_browser_takes_the_terminal(
    opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout", Screen())
    assert not open_in_browser(URL)
    assert opened == []


@pytest.mark.parametrize("variable", ["DISPLAY", "WAYLAND_DISPLAY", "BROWSER"])
def test_a_desktop_has_a_browser(opened: list[str], monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setattr("sys.stdout", Screen())
    monkeypatch.setenv(variable, "value")
    assert open_in_browser(URL)
    assert opened == [URL]


def test_a_script_that_reads_the_url_opens_no_browser(
    opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr("sys.stdout", io.StringIO())
    assert not open_in_browser(URL)
    assert opened == []


def test_only_a_terminal_has_a_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "101")
    monkeypatch.setattr("sys.stdout", io.StringIO())
    assert get_terminal_width() is None
    monkeypatch.setattr("sys.stdout", Screen())
    assert get_terminal_width() == 101


def test_a_prompt_is_not_part_of_the_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", Screen("yes\n"))
    assert read_line("Delete\x1b? ") == "yes"
    assert capsys.readouterr() == ("", "Delete\\x1b? ")
