"""The patterns of AWS's models match the same values in Python as in AWS (L7)."""

import re

import pytest

from aws_models.patterns import compile_pattern, matches_pattern
from aws_models.services import load_service, load_shape
from components.aws.package import CHECKOUT

_CLIENT = re.compile(r"""client\(\s*"([a-z0-9-]+)"[,)]""")
SERVICES = sorted(
    {
        service
        for folder in ("runtime", "local")
        for path in (CHECKOUT / folder).rglob("*.py")
        for service in _CLIENT.findall(path.read_text(encoding="utf-8"))
    }
)


def read_patterns(service: str) -> set[str]:
    """Return all patterns in the model of a service."""
    names = load_service(service).shape_names
    patterns = (load_shape(f"{service}.{name}").metadata.get("pattern") for name in names)
    return {pattern for pattern in patterns if pattern}


def test_the_models_of_the_used_services_contain_patterns() -> None:
    assert {"lambda", "dynamodb", "s3", "cloudfront-keyvaluestore"} <= set(SERVICES)
    assert sum(len(read_patterns(service)) for service in SERVICES) > 300


@pytest.mark.parametrize("is_ascii", [True, False])
@pytest.mark.parametrize("service", SERVICES)
def test_every_pattern_of_a_called_service_is_translated(service: str, *, is_ascii: bool) -> None:
    """`compile_pattern` would raise an error if a translated pattern still had Java syntax."""
    for pattern in read_patterns(service):
        compile_pattern(pattern, is_ascii=is_ascii)


@pytest.mark.parametrize(
    ("pattern", "accepted", "refused"),
    [
        ("[a-z]+", ("abc",), ("ABC", "abc!", "!abc", "abc\n", "")),
        ("^[a-z]+$", ("abc",), ("abc\n", "a b")),
        ("[a-zA-Z0-9-_]+", ("a-B_9",), ("a b", "a.b")),
        (r"[\w-_]+", ("a-b_c",), ("a b", "é")),
        (r"[\w+=,.@-]+", ("a-b@c",), ("a b",)),
        (r"\d{2}", ("12",), ("1", "123", "١٢")),
        (r"\p{L}+", ("abc", "Größe", "日本"), ("a1", "ö1")),
        (r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", ("Größe 1", "a b", ""), ("a!", "ö!")),
        (r"[\p{Print}]+", ("a b~",), ("a\tb",)),
        (r"^(?!a:|(?i)b;)[a-z;:]+$", ("a", "b:"), ("a:", "b;", "B;")),
        (r"[\u0020-\uD7FF\uE000-\uFFFD\uD83C\uDF89]+", ("a b", "é🎉"), ("a\tb", "🐍")),
        (r"[\u0020-\uFFFF\u10000-\u10FFFF]+", ("a b", "🎉"), ("a\tb",)),
        (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF]+", ("a b", "🎉"), ("a\tb",)),
    ],
)
def test_a_pattern_must_match_the_whole_value(
    pattern: str, accepted: tuple[str, ...], refused: tuple[str, ...]
) -> None:
    assert [value for value in accepted if not matches_pattern(pattern, value)] == []
    assert [value for value in refused if matches_pattern(pattern, value)] == []


@pytest.mark.parametrize("pattern", [r"\P{L}", r"[a\G]", r"(?<name>a)", "[a-z&&[^b]]"])
def test_unsupported_java_regex_syntax_raises_an_error(pattern: str) -> None:
    with pytest.raises((re.error, FutureWarning)):
        compile_pattern(pattern, is_ascii=True)
