"""Types for a declared and a created resource, and helper functions for the creators."""

import hashlib
from typing import Any

from attrs import field, frozen

from local.emulator.emulator import Emulator

Properties = dict[str, Any]


@frozen(kw_only=True)
class DeclaredResource:
    """A resource as the program declares it.

    Attributes:
        properties: The inputs, with names in camelCase and without None values. Assets and archives are
            `Content`.
    """

    urn: str
    type: str
    name: str
    properties: Properties

    def get_physical_name(self, key: str = "name") -> str:
        """Return the declared physical name, or a generated name.

        A generated name is the declared prefix (or the logical name) with a suffix that depends on the URN.

        Args:
            key: The property that contains the name.
        """
        given = self.properties.get(key)
        if given:
            return str(given)
        suffix = hashlib.sha256(self.urn.encode()).hexdigest()[:7]
        return f"{self.properties.get(key + 'Prefix') or self.name + '-'}{suffix}"


@frozen(kw_only=True)
class CreatedResource:
    """A resource that exists in the emulator."""

    id: str
    outputs: Properties = field(factory=dict)


@frozen(kw_only=True)
class ProviderContext:
    """The creators' access to the emulator, as the account's administrator in one region."""

    emulator: Emulator
    region: str

    @property
    def account_id(self) -> str:
        """The account ID, 12 digits."""
        return self.emulator.account_id

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3's clients have no types
        """Return a client that several threads can use."""
        return self.emulator.client(service, self.region)

    def build_arn(self, service: str, resource: str) -> str:
        """Return an ARN of this account and region."""
        return f"arn:aws:{service}:{self.region}:{self.account_id}:{resource}"


def pick_properties(properties: Properties, **names: str) -> dict[str, Any]:
    """Return the AWS arguments for all properties that are set.

    Example: `pick_properties(properties, MemorySize="memorySize")`.
    """
    return {
        argument: properties[name] for argument, name in names.items() if properties.get(name) is not None
    }


def parse_answer(answer: Properties, **names: str) -> Properties:
    """Return the properties that an answer of AWS describes. This is the inverse of `pick_properties`."""
    return {name: answer[argument] for argument, name in names.items() if answer.get(argument) is not None}


def build_tag_list(properties: Properties, key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """Return the tags in the list form of most services."""
    return [{key: name, value: text} for name, text in sorted(read_tags(properties).items())]


def read_tags(properties: Properties) -> dict[str, str]:
    """Return the tags, or an empty mapping."""
    return dict(properties.get("tags") or {})


def parse_tag_list(tags: list[dict[str, str]], key: str = "Key", value: str = "Value") -> dict[str, str]:
    """Return the tags of an answer of AWS as a mapping."""
    return {tag[key]: tag[value] for tag in tags}


def find_removed_tags(present: dict[str, str], properties: Properties) -> list[str]:
    """Return the names of the present tags that are no longer declared. AWS removes tags by name."""
    return sorted(present.keys() - read_tags(properties).keys())


def read_single_block(value: Any) -> Properties:  # noqa: ANN401 - a block of the provider, or None
    """Return a block that occurs at most once, or an empty mapping.

    The program can declare the block as an object or as a list with one item.
    """
    if isinstance(value, list):
        return value[0] if value else {}
    return value or {}


def parse_attributes(attributes: dict[str, str], names: dict[str, str]) -> Properties:
    """Return the properties that the attributes of a queue, topic or subscription describe.

    Args:
        attributes: An answer of SQS or SNS.
        names: The attribute's name in SQS or SNS for each property.
    """
    return {name: attributes[attribute] for name, attribute in names.items() if attribute in attributes}


def build_attributes(properties: Properties, names: dict[str, str]) -> dict[str, str]:
    """Return the attributes of a queue, topic or subscription. SQS and SNS require text values.

    Args:
        properties: Properties of the Pulumi resource.
        names: The name of the attribute in SQS or SNS, by the name of the property.
    """
    return {
        attribute: str(properties[name]).lower()
        if isinstance(properties[name], bool)
        else str(properties[name])
        for name, attribute in names.items()
        if properties.get(name) is not None
    }
