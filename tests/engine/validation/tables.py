"""Writes a table of codes as the contract says."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engine.contracts import arrow_schema, datasets


def write(path, dataset, columns, words, world):
    """Write a table as the contract says; columns may be codes or words."""
    contract = datasets()[dataset]
    rows = max((len(values) for values in columns.values()), default=0)
    arrays = []
    for field in arrow_schema(contract):
        if field.name in columns:
            values = columns[field.name]
            if pa.types.is_dictionary(field.type) and isinstance(values, np.ndarray):
                names = words[contract.column(field.name).vocabulary]
                values = pa.DictionaryArray.from_arrays(pa.array(values, pa.uint8()), pa.array(names))
            elif pa.types.is_dictionary(field.type):
                values = pa.array(values, pa.string()).dictionary_encode().cast(field.type)
            else:
                values = pa.array(values, field.type)
        elif hasattr(world, field.name):
            word = getattr(world, field.name)
            values = pa.array([word] * rows, pa.int64() if field.name == "seed" else pa.string())
            values = values if field.name == "seed" else values.dictionary_encode().cast(field.type)
        else:
            column = contract.column(field.name)
            values = pa.nulls(rows, field.type) if column.always_null else pa.array([column.constant] * rows)
        arrays.append(values.cast(field.type) if values.type != field.type else values)
    fields = [pa.field(field.name, field.type) for field in arrow_schema(contract)]
    pq.write_table(pa.table(arrays, schema=pa.schema(fields)), path, compression="zstd", compression_level=1)
