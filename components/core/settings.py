"""What one setting may be: rules that turn a value from YAML into a typed one, or say why they cannot.

A rule stands in the metadata of an attrs field. cattrs calls it for that field alone, so that every wrong
setting is reported with its path, not just the first one.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeVar, cast

import attrs
import cattrs
from cattrs.gen import make_dict_structure_fn, override

T = TypeVar("T")
_RULE: Final = "rule"


class SettingError(ValueError):
    """One setting is wrong; the message says what is wrong with it and what is allowed."""

    def __init__(self, problem: str, allowed: str) -> None:
        super().__init__(f"{problem}; allowed: {allowed}")


class EntriesError(Exception):
    """Entries of a list are wrong; `problems` has what is wrong with each by its place in the list."""

    def __init__(self, problems: Mapping[int, SettingError]) -> None:
        self.problems = problems
        super().__init__("; ".join(str(problem) for problem in problems.values()))


class SettingsError(Exception):
    """Settings could not be read; `problems` has one line for each wrong one, which begins with its path."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))


@attrs.frozen(kw_only=True)
class Rule:
    """How one setting is read.

    Attributes:
        allowed: What may stand there, as it is told to whoever wrote something else.
        read: Takes the value from YAML and returns the typed one; raises `SettingError`.
        entries: Where the value holds settings itself: the class of the mapping, or of those in the list.
    """

    allowed: str
    read: Callable[[object], object]
    entries: type[object] | None = None


@attrs.frozen(kw_only=True)
class Setting:
    """A setting as a class of settings declares it.

    Attributes:
        name: As it stands in YAML.
        field: The name of the field.
        rule: What it may be.
        required: Whether it must be there.
        default: What it is when it is left out.
    """

    name: str
    field: str
    rule: Rule
    required: bool
    default: object


def text(pattern: str, allowed: str) -> Rule:
    """A string all of which matches `pattern`."""
    compiled = re.compile(pattern)

    def read(value: object) -> str:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            raise SettingError(f"{_shown(value)} is not possible", allowed)
        return value

    return Rule(allowed=allowed, read=read)


def one_of(*values: str | int) -> Rule:
    """One of a few values. `True` does not pass for 1."""
    allowed = ", ".join(str(value) for value in values)

    def read(value: object) -> object:
        if isinstance(value, bool) or value not in values:
            raise SettingError(f"{_shown(value)} is not possible", allowed)
        return value

    return Rule(allowed=allowed, read=read)


def whole_number(low: int, high: int, unit: str) -> Rule:
    """A whole number from `low` to `high`, both included."""
    allowed = f"a whole number from {low} to {high} ({unit})"

    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise SettingError(f"{_shown(value)} is not possible", allowed)
        return value

    return Rule(allowed=allowed, read=read)


def list_of(item: type[object], allowed: str) -> Rule:
    """A list with at least one mapping, each of which is read as the attrs class `item`."""

    def read(value: object) -> object:
        if not isinstance(value, list) or not value:
            raise SettingError(f"{_shown(value)} is not a list with entries", allowed)
        return _CONVERTER.structure(value, tuple[item, ...])

    return Rule(allowed=allowed, read=read, entries=item)


def list_of_text(pattern: str, allowed: str, *, most: int) -> Rule:
    """A list of 1 to `most` different strings, all of each of which matches `pattern`."""
    entry = text(pattern, allowed)
    expected = f"a list of 1 to {most} entries, each once: {allowed}"

    def read(value: object) -> tuple[str, ...]:
        if not isinstance(value, list) or not 0 < len(cast("list[object]", value)) <= most:
            raise SettingError(f"{_shown(value)} is not possible", expected)
        entries = cast("list[object]", value)
        problems: dict[int, SettingError] = {}
        for index, item in enumerate(entries):
            try:
                entry.read(item)
            except SettingError as error:
                problems[index] = error
            else:
                if item in entries[:index]:
                    problems[index] = SettingError(f"{item!r} again", "each entry once")
        if problems:
            raise EntriesError(problems)
        return tuple(cast("list[str]", entries))

    return Rule(allowed=expected, read=read)


def mapping_of(item: type[object], allowed: str) -> Rule:
    """A mapping, which is read as the attrs class `item`."""

    def read(value: object) -> object:
        return _CONVERTER.structure(value, item)

    return Rule(allowed=allowed, read=read, entries=item)


def required(rule: Rule) -> Any:  # noqa: ANN401 - like attrs.field, whose type is that of the annotation beside it
    """An attrs field for a setting that must be there."""
    return attrs.field(metadata={_RULE: rule})


def optional(rule: Rule, default: object = None) -> Any:  # noqa: ANN401 - like attrs.field
    """An attrs field for a setting that may be left out, and then is `default`."""
    return attrs.field(metadata={_RULE: rule}, default=default)


def read_settings(cls: type[T], value: object, path: str) -> T:
    """Read a mapping from YAML into the attrs class `cls`, whose fields are made by `required` or `optional`.

    Keys are the camelCase spelling of the fields' names; others are refused.

    Args:
        cls: The class to read into.
        value: What the YAML says.
        path: The setting's own name, with which the path of every problem begins.

    Raises:
        SettingsError: Something is wrong, unknown or missing.
    """
    try:
        return _CONVERTER.structure(value, cls)
    except (SettingError, cattrs.BaseValidationError) as error:
        raise SettingsError(tuple(_problems(error, path))) from error


def settings_of(cls: type[object]) -> tuple[Setting, ...]:
    """The settings that a class declares, in its order."""
    return tuple(
        Setting(
            name=_camel_case(field.name),
            field=field.name,
            rule=cast("Rule", field.metadata[_RULE]),
            required=field.default is attrs.NOTHING,
            default=field.default,
        )
        for field in attrs.fields(cast("type[attrs.AttrsInstance]", cls))
    )


def _shown(value: object) -> str:
    return "an empty value" if value is None else repr(value)


def _camel_case(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(word.capitalize() for word in tail)


def _rules(cls: type[object]) -> dict[str, Rule]:
    """The rules of a settings class by the setting's name in YAML."""
    return {setting.name: setting.rule for setting in settings_of(cls)}


def _structure_hook(cls: type[T]) -> Callable[[object, type[T]], T]:
    rules = _rules(cls)
    fields = attrs.fields(cast("type[attrs.AttrsInstance]", cls))
    overrides = {
        field.name: override(
            rename=_camel_case(field.name),
            struct_hook=_as_hook(rules[_camel_case(field.name)]),
        )
        for field in fields
    }
    structure = make_dict_structure_fn(cls, _CONVERTER, _cattrs_forbid_extra_keys=True, **overrides)  # pyright: ignore[reportArgumentType] - cattrs types the overrides and its own options as one dict

    def read(value: object, kind: type[T]) -> T:
        if not isinstance(value, Mapping):
            raise SettingError(f"{_shown(value)} is not a mapping", f"a mapping of {', '.join(rules)}")
        return structure(cast("Mapping[str, Any]", value), kind)

    return read


def _as_hook(rule: Rule) -> Callable[[object, object], object]:
    def hook(value: object, _: object) -> object:
        return rule.read(value)

    return hook


_CONVERTER: Final = cattrs.Converter()
_CONVERTER.register_structure_hook_factory(attrs.has, _structure_hook)


def _problems(error: BaseException, path: str) -> Iterator[str]:
    """One line per leaf of what cattrs raised, with the path that cattrs noted on the way."""
    match error:
        case cattrs.ClassValidationError():
            rules = _rules(error.cl)
            noted, whole = error.group_exceptions()
            for cause, note in noted:
                name = _camel_case(note.name)
                if isinstance(cause, KeyError):
                    yield f"{path}.{name} is missing; allowed: {rules[name].allowed}"
                else:
                    yield from _problems(cause, f"{path}.{name}")
            for cause in whole:
                yield from _unknown(cause, path, rules)
        case cattrs.IterableValidationError():
            for cause, note in error.group_exceptions()[0]:
                yield from _problems(cause, f"{path}[{note.index}]")
        case EntriesError():
            for index, problem in error.problems.items():
                yield f"{path}[{index}]: {problem}"
        case _:
            yield f"{path}: {error}"


def _unknown(error: Exception, path: str, rules: Mapping[str, Rule]) -> Iterator[str]:
    if not isinstance(error, cattrs.ForbiddenExtraKeysError):
        raise error
    for name in sorted(error.extra_fields):
        yield f"{path}.{name} is unknown; allowed: {', '.join(rules)}"
