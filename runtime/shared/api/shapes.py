"""What JSON Schema can say of a text or a number beyond its type, next to the type.

The OpenAPI documents are made of it (`reference/api_schema.py`); what a request must be is still decided by
`runtime.shared.api.inputs.Rule`, which may ask for more.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from attrs import frozen


# Compared by identity: `Annotated[...] | None` wants what is annotated hashable, and keywords are not.
@frozen(eq=False)
class Shape:
    """Keywords of JSON Schema, such as `Annotated[str, Shape({"format": "uri"})]`."""

    keywords: Mapping[str, Any]


Id = Annotated[
    str, Shape({"pattern": "^[0-7][0-9A-HJKMNP-TV-Z]{25}$", "examples": ["01JD8QZ5W3V7K2M4N6P8R0T1XY"]})
]
"""A ULID."""

Time = Annotated[str, Shape({"format": "date-time", "examples": ["2026-01-31T09:30:00.125Z"]})]
"""As `runtime.shared.clock.format_time` writes it."""

Url = Annotated[str, Shape({"format": "uri"})]
"""An absolute URL."""
