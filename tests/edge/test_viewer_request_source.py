"""The sources of the two CloudFront Functions use only features of CloudFront's JavaScript runtime 2.0.

Other tests run the sources in V8, which supports more features. Therefore these tests check the source text.
The CloudFront guide lists the features in "JavaScript runtime 2.0 features for CloudFront Functions": ES 5.1
with const, let, arrow functions, template literals, rest parameters, async and await, and some methods.
"""

import re
from pathlib import Path

import pytest

from components.edge.function_code import read_function_code
from local.edge.functions.events import EdgeFunctionError
from local.edge.functions.viewer_function import EdgeFunction
from tests.edge.edge_host import RESPONSE_SOURCE, SOURCE

# The methods that the functions use. The guide's list of features contains all of them.
KNOWN_METHODS = {
    # members of the module `cloudfront` and of its KeyValueStore
    "kvs",
    "get",
    "exists",
    "selectRequestOriginById",
    "updateRequestOrigin",
    # members of the module `crypto`
    "createHash",
    "update",
    "digest",
    # strings and regular expressions
    "endsWith",
    "indexOf",
    "replace",
    "slice",
    "split",
    "startsWith",
    "test",
    "toLowerCase",
    "trim",
    # objects and arrays
    "filter",
    "forEach",
    "join",
    "map",
    "some",
    "includes",
    "keys",
}
# Regular expressions for syntax that the functions must not use.
REFUSED_SYNTAX = {
    "optional chaining": r"\?\.",
    "nullish coalescing": r"\?\?",
    "spread or rest": r"\.\.\.",
    "for-of": r"\bof\b",
    "class": r"\bclass\b",
    "generator": r"function\s*\*|\byield\b",
    "destructuring": r"\b(const|let|var)\s*[\[{]|\(\s*\{[^}]*\}\s*[,)]\s*=>|\(\[[^\]]*\]\s*[,)]\s*=>",
    "default parameter": r"function\s+\w+\([^)]*=|\(\s*\w+\s*=[^=>][^)]*\)\s*=>",
    "async arrow function": r"\basync\s*\(|\basync\s+\w+\s*=>",
    "dynamic import or import of another module": r"\bimport\b(?! (?:cf|crypto) from )",
    "catch without a name": r"\bcatch\s*\{",
    "shorthand property": r"[{,]\s*\w+\s*[,}](?!\s*=>)(?![^(\[]*[)\]])",
    "evaluation or timers": r"\b(eval|Function|setTimeout|setInterval|fetch|require|process)\b",
    "await outside of an async function": r"^\S.*\bawait\b",
}


SOURCES = pytest.mark.parametrize("file", [SOURCE, RESPONSE_SOURCE], ids=lambda file: file.stem)


def read_code(file: Path) -> str:
    """Return the source without comments. Strings, templates and regular expressions become empty strings."""
    source = re.sub(r"/\*.*?\*/", "", file.read_text(), flags=re.DOTALL)
    source = re.sub(r"(?m)^\s*//.*$", "", source)
    source = re.sub(r"'(?:[^'\\\n]|\\.)*'", "''", source)
    source = re.sub(r"`[^`]*`", "''", source)
    return re.sub(r"(?<=[=(!])(\s*)/(?![/*])(?:[^/\\\n]|\\.)+/[a-z]*", r"\1''", source)


@SOURCES
def test_the_function_is_deployed_without_its_comments(file: Path) -> None:
    """CloudFront allows 10 KB. A comment after code would stay, so the files have none."""
    code = read_function_code(file)
    assert "//" not in read_code(file)
    assert "/*" not in read_code(file)
    assert [line for line in file.read_text().splitlines() if line in code.splitlines()] == code.splitlines()


def test_the_module_cloudfront_is_imported_in_the_first_line() -> None:
    assert SOURCE.read_text().splitlines()[0] == "import cf from 'cloudfront';"


@SOURCES
@pytest.mark.parametrize("name", REFUSED_SYNTAX)
def test_only_syntax_of_runtime_2_0_is_used(file: Path, name: str) -> None:
    found = re.search(REFUSED_SYNTAX[name], read_code(file), re.MULTILINE)
    assert found is None, f"{name}: {found.group(0) if found else ''}"


@pytest.mark.parametrize(
    ("file", "expected_methods"),
    [(SOURCE, {"get", "exists", "updateRequestOrigin"}), (RESPONSE_SOURCE, {"split", "filter"})],
)
def test_only_documented_methods_are_called(file: Path, expected_methods: set[str]) -> None:
    called = set(re.findall(r"\.(\w+)\(", read_code(file)))
    assert expected_methods <= called <= KNOWN_METHODS


def test_expressions_in_templates_are_simple() -> None:
    """The other tests do not see these expressions, because `read_code` removes the content of templates."""
    expressions = [
        part
        for template in re.findall(r"`[^`]*`", SOURCE.read_text())
        for part in re.findall(r"\$\{([^}]*)\}", template)
    ]
    assert expressions
    for expression in expressions:
        assert re.fullmatch(r"[\w.]+(\(\))?|releaseHost\(site, host\)|number % marks", expression), expression


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("// first\nimport cf from 'cloudfront';\nasync function handler() {}", "does not load"),
        ("import cf from 'cloudfront';\n" + "x" * 10_240, "10269 bytes"),
        ("import cf from 'cloudfront';\nasync function handler( {}", "does not load"),
        ("import cf from 'cloudfront';\nconst x = 1;", "no handler"),
    ],
)
def test_a_function_that_cannot_be_deployed_is_refused(source: str, reason: str) -> None:
    with pytest.raises(EdgeFunctionError, match=reason):
        EdgeFunction.load(source, lambda: ("1", {}))
