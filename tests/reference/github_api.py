"""The request bodies of GitHub's API with which docs/continuous-deployment.md sets rules and environments.

`github_api.json` has their schemas. To renew the file, run `python -m tests.reference.github_api FILE`. The
file is `generated/api.github.com.json` of the npm package `@octokit/openapi`, GitHub's own description.
"""

import json
import sys
from pathlib import Path
from typing import Any, Final, cast

FILE: Final = Path(__file__).with_name("github_api.json")
REQUESTS: Final = (
    ("POST", "/repos/{owner}/{repo}/rulesets"),
    ("PUT", "/repos/{owner}/{repo}/environments/{environment_name}"),
    ("POST", "/repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies"),
)
_TEXTS: Final = frozenset({"description", "example", "examples", "title", "externalDocs"})


def extract_schemas(description: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON schemas of the requests, without texts, from a description of the API (OpenAPI 3.0)."""
    definitions: dict[str, Any] = {}

    def convert(value: object) -> Any:  # noqa: ANN401 - any part of a schema
        if isinstance(value, list):
            return [convert(each) for each in cast("list[object]", value)]
        if not isinstance(value, dict):
            return value
        schema = cast("dict[str, Any]", value)
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            if name not in definitions:
                definitions[name] = None
                definitions[name] = convert(description["components"]["schemas"][name])
            return {"$ref": f"#/$defs/{name}"}
        converted = {
            name: {each: convert(field) for each, field in part.items()}
            if name == "properties"
            else convert(part)
            for name, part in schema.items()
            if name not in _TEXTS and name != "nullable"
        }
        return {"anyOf": [converted, {"type": "null"}]} if schema.get("nullable") else converted

    requests = {
        f"{method} {path}": convert(
            description["paths"][path][method.lower()]["requestBody"]["content"]["application/json"]["schema"]
        )
        for method, path in REQUESTS
    }
    version = description["info"]["version"]
    return {"source": f"@octokit/openapi {version}", "requests": requests, "$defs": definitions}


if __name__ == "__main__":
    extracted = extract_schemas(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    FILE.write_text(json.dumps(extracted, indent=1, sort_keys=True) + "\n", encoding="utf-8")
