"""JSON Schema keywords of a type, such as a string's format, for the OpenAPI documents.

`reference/api_schema.py` reads these keywords. They do not validate requests. The rules of the fields
(`runtime.shared.api.inputs.Rule`) validate requests, and can be stricter than the keywords.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from attrs import frozen


# `eq=False` keeps instances hashable, as `Annotated[...] | None` requires. A mapping is not hashable.
@frozen(eq=False)
class Shape:
    """JSON Schema keywords, such as `Annotated[str, Shape({"format": "uri"})]`."""

    keywords: Mapping[str, Any]


Id = Annotated[
    str, Shape({"pattern": "^[0-7][0-9A-HJKMNP-TV-Z]{25}$", "examples": ["01JD8QZ5W3V7K2M4N6P8R0T1XY"]})
]
"""A ULID."""

Time = Annotated[str, Shape({"format": "date-time", "examples": ["2026-01-31T09:30:00.125Z"]})]
"""A time in the format of `runtime.shared.clock.format_time`."""

Url = Annotated[str, Shape({"format": "uri"})]
"""An absolute URL."""
