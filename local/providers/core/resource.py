"""A resource as the program declares it and as the emulator has it, and the words creators share."""

import hashlib
from typing import Any

from attrs import field, frozen

from local.emulator.emulator import Emulator

Properties = dict[str, Any]


@frozen(kw_only=True)
class Declared:
    """A resource as the program declares it.

    Attributes:
        properties: Inputs in camelCase; what is None is left out; assets are `Content`.
    """

    urn: str
    type: str
    name: str
    properties: Properties

    def named(self, key: str = "name") -> str:
        """The physical name: the one declared, else the logical one with a suffix that depends on the URN."""
        given = self.properties.get(key)
        if given:
            return str(given)
        suffix = hashlib.sha256(self.urn.encode()).hexdigest()[:7]
        return f"{self.properties.get(key + 'Prefix') or self.name + '-'}{suffix}"


@frozen(kw_only=True)
class Made:
    """A resource in the emulator."""

    id: str
    outputs: Properties = field(factory=dict)


@frozen(kw_only=True)
class Aws:
    """The emulator as the creators see it: the account's administrator in one region."""

    emulator: Emulator
    region: str

    @property
    def account_id(self) -> str:
        """12 digits."""
        return self.emulator.account_id

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3's clients have no types of their own
        """A client that several threads can use."""
        return self.emulator.client(service, self.region)

    def arn(self, service: str, resource: str) -> str:
        """An ARN of this account and region."""
        return f"arn:aws:{service}:{self.region}:{self.account_id}:{resource}"


def given(properties: Properties, **names: str) -> dict[str, Any]:
    """Arguments of an AWS call from the properties that are there: `given(p, MemorySize="memorySize")`."""
    return {
        argument: properties[name] for argument, name in names.items() if properties.get(name) is not None
    }


def tag_list(properties: Properties, key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """The tags as most services take them."""
    return [{key: name, value: text} for name, text in sorted(tags(properties).items())]


def tags(properties: Properties) -> dict[str, str]:
    """The tags, if any."""
    return dict(properties.get("tags") or {})


def one(value: Any) -> Properties:  # noqa: ANN401 - a block of the provider's, or nothing
    """A block that the schema has once, whether the program gave it as an object or in a list."""
    if isinstance(value, list):
        return value[0] if value else {}
    return value or {}


def attributes(properties: Properties, names: dict[str, str]) -> dict[str, str]:
    """Attributes as SQS and SNS take them, all as text: `names` has them by the provider's name."""
    return {
        attribute: str(properties[name]).lower()
        if isinstance(properties[name], bool)
        else str(properties[name])
        for name, attribute in names.items()
        if properties.get(name) is not None
    }
