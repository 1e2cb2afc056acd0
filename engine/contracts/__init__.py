"""Dataset contracts: what every table holds, in which order, under which keys.

Writers and validators read the same file: ``datasets()`` gives the contracts, ``vocabularies()`` the words that codes
point into, ``arrow_schema()`` the physical form, ``probe()`` the check that a reader makes before it trusts a file.
"""

from engine.contracts.model import WORLD_KEY, Column, Dataset, ForeignKey, datasets
from engine.contracts.schema import arrow_schema, batch_problems, probe, schema_problems
from engine.contracts.vocabulary import Vocabularies, vocabularies

__all__ = [
    "WORLD_KEY",
    "Column",
    "Dataset",
    "ForeignKey",
    "Vocabularies",
    "arrow_schema",
    "batch_problems",
    "datasets",
    "probe",
    "schema_problems",
    "vocabularies",
]
