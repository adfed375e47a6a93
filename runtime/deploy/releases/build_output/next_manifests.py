"""Next.js's manifests in a server bundle: objects whose fields are checked when they are read."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from attrs import frozen

from runtime.deploy.releases.build_output.json_objects import NoObjectError, is_object, parse_object


class NextManifestError(Exception):
    """A manifest does not have Next.js's format. The message names the manifest and the field."""


@frozen
class Document:
    """An object in a manifest, with the name that messages show: the manifest and the path of keys."""

    name: str
    value: Mapping[str, Any]

    def get_object(self, key: str) -> "Document":
        """Return the object at a key, or an empty one."""
        found = self.value.get(key)
        if found is None:
            return Document(f"{self.name}: {key}", {})
        if not is_object(found):
            raise NextManifestError(f"{self.name}: {key} must be an object")
        return Document(f"{self.name}: {key}", found)

    def get_objects(self, key: str) -> Sequence["Document"]:
        """Return the list of objects at a key, or an empty one."""
        found = self._get_list(key)
        if not all(is_object(each) for each in found):
            raise NextManifestError(f"{self.name}: {key} must be a list of objects")
        return [Document(f"{self.name}: {key}[{number}]", each) for number, each in enumerate(found)]

    def get_text(self, key: str) -> str:
        """Return the text at a key."""
        found = self.value.get(key)
        if not isinstance(found, str):
            raise NextManifestError(f"{self.name}: {key} must be a text")
        return found

    def find_text(self, key: str) -> str | None:
        """Return the text at a key, or None."""
        return self.get_text(key) if self.value.get(key) is not None else None

    def get_texts(self, key: str) -> Iterable[str]:
        """Return the list of texts at a key, or an empty one."""
        found = self._get_list(key)
        if not all(isinstance(each, str) for each in found):
            raise NextManifestError(f"{self.name}: {key} must be a list of texts")
        return cast("list[str]", found)

    def _get_list(self, key: str) -> list[Any]:
        found = self.value.get(key)
        if found is None:
            return []
        if not isinstance(found, list):
            raise NextManifestError(f"{self.name}: {key} must be a list")
        return cast("list[Any]", found)


def parse_document(name: str, text: bytes) -> Document:
    """Return the object that a manifest contains.

    Raises:
        NextManifestError: The manifest is not a JSON object.
    """
    try:
        return Document(name, parse_object(text))
    except NoObjectError as error:
        raise NextManifestError(f"{name} {error}") from None
