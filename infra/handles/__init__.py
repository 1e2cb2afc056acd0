"""The handle registry: one Markdown document that is the authority for every name, path and id of the platform."""

from infra.handles.comparison import Change, RegistryDiff, diff
from infra.handles.files import MAX_BYTES, load, read_text, write_copy
from infra.handles.model import Absent, Handle, OpenReason, Resolution, Resolved, Unresolved, ValueKind
from infra.handles.registry import Registry, parse
from infra.handles.repinning import repin, repin_file
from infra.handles.templates import LEGAL_TOKENS, expand

__all__ = [
    "LEGAL_TOKENS",
    "MAX_BYTES",
    "Absent",
    "Change",
    "Handle",
    "OpenReason",
    "Registry",
    "RegistryDiff",
    "Resolution",
    "Resolved",
    "Unresolved",
    "ValueKind",
    "diff",
    "expand",
    "load",
    "parse",
    "read_text",
    "repin",
    "repin_file",
    "write_copy",
]
