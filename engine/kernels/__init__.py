"""The hot arithmetic of the data engine: integer, columnar, without generator state and without I/O.

A kernel maps entity ids and stream keys to counts, codes and links. What it returns depends on nothing else: not on
the order of calls, the number of threads, the partition or the machine, because every decision is made on 64-bit
integers (floating point stays in tables that are built from correctly rounded operations alone).

Modules:
    hashing    keyed 64-bit hashes of entity ids: stream keys, uniforms, thresholds
    philox     Philox2x64-10 by position, for the streams whose draws the event contract counts
    ties       what a largest-remainder split draws from such a stream, evaluated only where two remainders meet
    weights    lognormal weights as integer quantile tables; exponential and logarithm of one fixed rounding
    remainder  largest remainder over few real targets (plans)
    spread     largest remainder over many entities, under caps, with redistribution in proportion to weight
    links      addresses of devices: distinct within a device, bounded in reuse
    roles      risk tiers and roles by thresholds on hashes
    ranges     entities of a cell as runs of consecutive ids
    columnar   the numpy twin of the hot loops
    compiled   the numba twin
    cache      its compiled code on disk, keyed by source
    backend    which twin runs
    reference  plain Python versions of all of the above, the ones that tests hold the twins to
"""
