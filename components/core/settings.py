"""Rules for single settings. A rule converts a YAML value to a typed value, or raises an error.

A rule is stored in the metadata of an attrs field. cattrs calls the rule of each field separately and
collects the errors, so that every wrong setting is reported with its path.
"""

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeVar, cast

import attrs
import cattrs
from cattrs.gen import make_dict_structure_fn, override

T = TypeVar("T")
_RULE: Final = "rule"
_SIMILARITY: Final = 0.6
_SHORTEST_ENDING: Final = 3


class SettingError(ValueError):
    """A wrong value of one setting. The message says what is wrong and what is allowed."""

    def __init__(self, problem: str, allowed: str) -> None:
        super().__init__(f"{problem}; allowed: {allowed}")


class EntriesError(Exception):
    """Wrong entries of a list. `problems` maps the index of an entry to its error."""

    def __init__(self, problems: Mapping[int, SettingError]) -> None:
        self.problems = problems
        super().__init__("; ".join(str(problem) for problem in problems.values()))


class SettingsError(Exception):
    """Wrong settings. `problems` has one line for each wrong setting, beginning with its path."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))


@attrs.frozen(kw_only=True)
class Rule:
    """A rule that reads one setting.

    Attributes:
        allowed: Allowed values, as shown in the error message.
        read: Function that converts the YAML value. It raises an error if the value is not allowed.
        item_class: Settings class of a nested mapping or of the entries of a list.
        is_list: Whether `item_class` is the class of the entries of a list.
    """

    allowed: str
    read: Callable[[object], object]
    item_class: type[object] | None = None
    is_list: bool = False


@attrs.frozen(kw_only=True)
class Setting:
    """A setting that a settings class declares.

    Attributes:
        name: Name in YAML.
        field: Name of the attrs field.
        rule: Rule that reads the value.
        required: Whether the setting must be present.
        default: Value used if the setting is missing.
    """

    name: str
    field: str
    rule: Rule
    required: bool
    default: object


@attrs.frozen
class _Problem:
    """A wrong setting.

    Attributes:
        path: Path of the setting.
        text: The problem and the allowed values. The text follows the path.
        is_missing: Whether the problem is that the setting is missing.
        meant: For an unknown setting, the path of the setting that was probably meant.
    """

    path: str
    text: str
    is_missing: bool = False
    meant: str | None = None


def find_similar(value: object, candidates: Iterable[object]) -> str | None:
    """Return the candidate that is most similar to a value, or None if no candidate is similar.

    Case, hyphens, underscores and spaces are ignored.
    """
    letters = _keep_letters(value)
    by_letters = {_keep_letters(candidate): str(candidate) for candidate in candidates}
    found = difflib.get_close_matches(letters, by_letters, n=1, cutoff=_SIMILARITY)
    if not found and len(letters) >= _SHORTEST_ENDING:
        found = [each for each in by_letters if each.endswith(letters)]
    return by_letters[found[0]] if found else None


def suggest(value: object, candidates: Iterable[object]) -> str:
    """Return ` (did you mean '<candidate>'?)` with the most similar candidate, or an empty text."""
    found = find_similar(value, candidates)
    return f" (did you mean {found!r}?)" if found else ""


def text(pattern: str, allowed: str, *, removed_prefix: str = "") -> Rule:
    """Return a rule for a string that matches `pattern` completely.

    Args:
        pattern: Regular expression.
        allowed: Allowed values, as shown in the error message.
        removed_prefix: An optional prefix of the string. The rule removes it.
    """
    compiled = re.compile(pattern)

    def read(value: object) -> str:
        if not isinstance(value, str):
            raise SettingError(f"{_describe_value(value)} is not valid", allowed)
        found = value.removeprefix(removed_prefix)
        if not compiled.fullmatch(found):
            corrected = next((each for each in _correct_text(value) if compiled.fullmatch(each)), None)
            suggestion = f" (did you mean {corrected!r}?)" if corrected else ""
            raise SettingError(f"{value!r} is not valid{suggestion}", allowed)
        return found

    return Rule(allowed=allowed, read=read)


def one_of(*values: str | int) -> Rule:
    """Return a rule for one of several values. Booleans are refused, because Python treats `True` as 1."""
    allowed = ", ".join(str(value) for value in values)

    def read(value: object) -> object:
        if isinstance(value, bool) or value not in values:
            raise SettingError(
                f"{_describe_value(value)} is not valid{_suggest_choice(value, values)}", allowed
            )
        return value

    return Rule(allowed=allowed, read=read)


def whole_number(low: int, high: int, unit: str) -> Rule:
    """Return a rule for a whole number from `low` to `high`, both included."""
    allowed = f"a whole number from {low} to {high} ({unit})"

    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            quoted = isinstance(value, str) and re.fullmatch(r"\d+", value)
            suggestion = _WITHOUT_QUOTES if quoted else ""
            raise SettingError(f"{_describe_value(value)} is not valid{suggestion}", allowed)
        return value

    return Rule(allowed=allowed, read=read)


def true_or_false() -> Rule:
    """Return a rule for a boolean."""
    allowed = "true, false"

    def read(value: object) -> bool:
        if not isinstance(value, bool):
            suggestion = _WITHOUT_QUOTES if str(value).lower() in {"true", "false"} else ""
            raise SettingError(f"{_describe_value(value)} is not valid{suggestion}", allowed)
        return value

    return Rule(allowed=allowed, read=read)


def list_of(item: type[object], allowed: str) -> Rule:
    """Return a rule for a non-empty list of mappings, each read as the attrs class `item`."""

    def read(value: object) -> object:
        if not isinstance(value, list) or not value:
            raise SettingError(f"{_describe_value(value)} is not a non-empty list", allowed)
        return _CONVERTER.structure(value, tuple[item, ...])

    return Rule(allowed=allowed, read=read, item_class=item, is_list=True)


def list_of_text(pattern: str, allowed: str, *, max_entries: int) -> Rule:
    """Return a rule for a list of 1 to `max_entries` different strings that match `pattern` completely."""
    entry = text(pattern, allowed)
    expected = f"a list of 1 to {max_entries} different entries: {allowed}"

    def read(value: object) -> tuple[str, ...]:
        if not isinstance(value, list) or not 0 < len(cast("list[object]", value)) <= max_entries:
            raise SettingError(f"{_describe_value(value)} is not valid", expected)
        entries = cast("list[object]", value)
        problems: dict[int, SettingError] = {}
        for index, item in enumerate(entries):
            try:
                entry.read(item)
            except SettingError as error:
                problems[index] = error
            else:
                if item in entries[:index]:
                    problems[index] = SettingError(f"{item!r} is repeated", "each entry once")
        if problems:
            raise EntriesError(problems)
        return tuple(cast("list[str]", entries))

    return Rule(allowed=expected, read=read)


def mapping_of(item: type[object], allowed: str) -> Rule:
    """Return a rule for a mapping that is read as the attrs class `item`."""

    def read(value: object) -> object:
        return _CONVERTER.structure(value, item)

    return Rule(allowed=allowed, read=read, item_class=item)


def required(rule: Rule) -> Any:  # noqa: ANN401 - fits any annotation, like the result of attrs.field
    """Return an attrs field for a required setting."""
    return attrs.field(metadata={_RULE: rule})


def optional(rule: Rule, default: object = None) -> Any:  # noqa: ANN401 - as in `required`
    """Return an attrs field for an optional setting with a default value."""
    return attrs.field(metadata={_RULE: rule}, default=default)


def read_settings(cls: type[T], value: object, path: str) -> T:
    """Read a YAML mapping into an attrs class whose fields were created by `required` or `optional`.

    Keys are the camelCase form of the field names. Unknown keys are refused.

    Args:
        cls: Settings class.
        value: Value from YAML.
        path: Name of the setting that contains the mapping. Each line of the error starts with this path.

    Raises:
        SettingsError: A setting is wrong, unknown or missing.
    """
    try:
        return _CONVERTER.structure(value, cls)
    except (SettingError, cattrs.BaseValidationError) as error:
        problems = tuple(_list_problems(error, path, _Tree(cls, path)))
        # A setting whose name is mistyped is not also reported as missing.
        meant = {problem.meant for problem in problems}
        raise SettingsError(
            tuple(
                f"{problem.path}{problem.text}"
                for problem in problems
                if not (problem.is_missing and problem.path in meant)
            )
        ) from error


def list_setting_paths(cls: type[object], path: str) -> Iterator[tuple[str, str]]:
    """Yield the name of each setting of a class and of its nested classes, with the path that contains it.

    The path of a list of mappings ends with `[]`.
    """
    for setting in list_settings(cls):
        yield setting.name, path
        if setting.rule.item_class:
            end = "[]" if setting.rule.is_list else ""
            yield from list_setting_paths(setting.rule.item_class, f"{path}.{setting.name}{end}")


def list_settings(cls: type[object]) -> tuple[Setting, ...]:
    """Return the settings that a class declares, in order of declaration."""
    return tuple(
        Setting(
            name=_to_camel_case(field.name),
            field=field.name,
            rule=cast("Rule", field.metadata[_RULE]),
            required=field.default is attrs.NOTHING,
            default=field.default,
        )
        for field in attrs.fields(cast("type[attrs.AttrsInstance]", cls))
    )


_WITHOUT_QUOTES: Final = " (write it without quotes)"


def _describe_value(value: object) -> str:
    return "an empty value" if value is None else repr(value)


def _keep_letters(value: object) -> str:
    return "".join(character for character in str(value).lower() if character not in "-_ ")


def _correct_text(value: str) -> Iterator[str]:
    """Yield corrections of frequent mistakes in host names, addresses and names."""
    lower = value.strip().lower()
    yield lower
    yield lower.rstrip("./")
    yield re.sub(r"^https?://", "", lower).rstrip("./")
    yield re.sub(r"[-_. ]+", "-", lower).strip("-")


def _suggest_choice(value: object, values: Iterable[str | int]) -> str:
    """Return a suggestion for a value that must be one of several. No similar numbers are suggested."""
    numbers = [each for each in values if isinstance(each, int)]
    if isinstance(value, str) and value in {str(number) for number in numbers}:
        return _WITHOUT_QUOTES
    return suggest(value, [each for each in values if isinstance(each, str)]) if value is not None else ""


def _to_camel_case(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(word.capitalize() for word in tail)


def _read_rules(cls: type[object]) -> dict[str, Rule]:
    """Return the rules of a settings class, by the YAML name of each setting."""
    return {setting.name: setting.rule for setting in list_settings(cls)}


def _create_structure_hook(cls: type[T]) -> Callable[[object, type[T]], T]:
    rules = _read_rules(cls)
    fields = attrs.fields(cast("type[attrs.AttrsInstance]", cls))
    overrides = {
        field.name: override(
            rename=_to_camel_case(field.name),
            struct_hook=_create_field_hook(rules[_to_camel_case(field.name)]),
        )
        for field in fields
    }
    structure = make_dict_structure_fn(cls, _CONVERTER, _cattrs_forbid_extra_keys=True, **overrides)  # pyright: ignore[reportArgumentType] - cattrs types the overrides and its own options as one dict

    def read(value: object, kind: type[T]) -> T:
        if not isinstance(value, Mapping):
            raise SettingError(
                f"{_describe_value(value)} is not a mapping", f"a mapping of {', '.join(rules)}"
            )
        return structure(cast("Mapping[str, Any]", value), kind)

    return read


def _create_field_hook(rule: Rule) -> Callable[[object, object], object]:
    def hook(value: object, _: object) -> object:
        return rule.read(value)

    return hook


_CONVERTER: Final = cattrs.Converter()
_CONVERTER.register_structure_hook_factory(attrs.has, _create_structure_hook)


@attrs.frozen
class _Tree:
    """The whole tree of settings. It shows where a misplaced setting belongs."""

    cls: type[object]
    path: str

    def find_parents(self, name: str) -> list[str]:
        """Return the paths that can contain a setting with this name."""
        return [
            path
            for known, path in list_setting_paths(self.cls, self.path)
            if _keep_letters(known) == _keep_letters(name)
        ]


def _list_problems(error: BaseException, path: str, tree: _Tree) -> Iterator[_Problem]:
    """Yield each problem in a nested cattrs error, with the path that cattrs recorded."""
    match error:
        case cattrs.ClassValidationError():
            rules = _read_rules(error.cl)
            noted, whole = error.group_exceptions()
            for cause, note in noted:
                name = _to_camel_case(note.name)
                if isinstance(cause, KeyError):
                    yield _Problem(
                        f"{path}.{name}", f" is missing; allowed: {rules[name].allowed}", is_missing=True
                    )
                else:
                    yield from _list_problems(cause, f"{path}.{name}", tree)
            for cause in whole:
                yield from _list_unknown_settings(cause, path, rules, tree)
        case cattrs.IterableValidationError():
            for cause, note in error.group_exceptions()[0]:
                yield from _list_problems(cause, f"{path}[{note.index}]", tree)
        case EntriesError():
            for index, problem in error.problems.items():
                yield _Problem(f"{path}[{index}]", f": {problem}")
        case _:
            yield _Problem(path, f": {error}")


def _list_unknown_settings(
    error: Exception, path: str, rules: Mapping[str, Rule], tree: _Tree
) -> Iterator[_Problem]:
    if not isinstance(error, cattrs.ForbiddenExtraKeysError):
        raise error
    # YAML keys can be numbers, too.
    for name in sorted(str(field) for field in error.extra_fields):
        hint, meant = "", None
        similar, parents = find_similar(name, rules), tree.find_parents(name)
        if parents and _keep_letters(name) not in map(_keep_letters, rules):
            hint, meant = f" (it belongs to {' or '.join(parents)})", f"{parents[0]}.{name}"
        elif similar:
            hint, meant = f" (did you mean {similar!r}?)", f"{path}.{similar}"
        yield _Problem(f"{path}.{name}", f" is unknown{hint}; allowed: {', '.join(rules)}", meant=meant)
