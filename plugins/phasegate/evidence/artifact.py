"""The base of a gate's artifacts: one frozen model writes an artifact, reads it back, and makes its JSON Schema."""

from __future__ import annotations

import json
from typing import Any, ClassVar, Self, cast

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError
from pydantic.json_schema import GenerateJsonSchema

from phasegate.evidence.documents import ExecutionName, GateName


class Part(BaseModel):
    """Base of what an artifact is made of: immutable, of exact types, and without members that nobody declared."""

    # A member whose name Python keeps for itself has another as a field, and only there.
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", validate_by_name=True)


class _Header(Part):
    phase_execution_id: ExecutionName
    gate: GateName
    alias: str | None


class Artifact(Part):
    """One artifact of a gate's evidence contract, without the header that phasegate writes into each.

    Its class names the file, its docstring is the schema's title, its fields are the members of the JSON object.

    Attributes:
        file: The file's name, as the catalogue lists it for the gate.

    Example:
        ```python
        class Snapshot(Artifact, file="m4a_snapshot.json"):
            \"\"\"What was seen.\"\"\"

            resolved: Count
        ```
    """

    file: ClassVar[str] = ""

    def __init_subclass__(cls, *, file: str = "", **options: Any) -> None:
        super().__init_subclass__(**options)
        if file:
            cls.file = file

    @classmethod
    def read(cls, content: object) -> Self | None:
        """The artifact that parsed JSON is; None where it is none of this kind.

        Args:
            content: An artifact as it lies in a pack, with its header or without.
        """
        if not isinstance(content, dict):
            return None
        body = {name: value for name, value in content.items() if name not in _Header.model_fields}
        try:
            return cls.model_validate_json(
                json.dumps(body), by_alias=True, by_name=False
            )  # as JSON: lists are tuples where the model has tuples
        except (ValidationError, ValueError):
            return None

    def payload(self) -> dict[str, JsonValue]:
        """The members of the JSON object."""
        return cast("dict[str, JsonValue]", self.model_dump(mode="json", by_alias=True))

    @classmethod
    def schema_text(cls) -> str:
        """The JSON Schema of the whole artifact, header included, as the one line of a file."""
        schema = _bare(cls.model_json_schema(by_alias=True, mode="serialization"))
        head = _bare(_Header.model_json_schema())
        schema["properties"] = head["properties"] | schema.get("properties", {})
        schema["required"] = sorted({*head["required"], *schema.get("required", ())})
        schema["$schema"] = GenerateJsonSchema.schema_dialect
        return json.dumps(schema, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"


def _bare(node: Any) -> Any:
    """A schema without the titles that pydantic makes of names, and with the first line of each description."""
    if isinstance(node, list):
        return [_bare(each) for each in node]
    if not isinstance(node, dict):
        return node
    kept = {name: _bare(value) for name, value in node.items() if not (name == "title" and isinstance(value, str))}
    if "patternProperties" in kept:  # the names of a mapping's keys have a form, and no others are allowed
        kept.setdefault("additionalProperties", False)
    if isinstance(kept.get("description"), str):
        kept["description"] = kept["description"].split("\n", maxsplit=1)[0]
    return kept
