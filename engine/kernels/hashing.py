"""Keyed 64-bit hashes of entity ids.

A draw of an entity is ``mix(id, key)`` where the key stands for the stream: no generator state, so any entity's draw
can be computed anywhere, in any order. Two laws exist, both built on the SplitMix64 mixer:

- *entity streams* (S2, S3): one id; key from BLAKE2b over the world and the stream's labels;
- *pair streams* (S4): an id and a small number beside it (the edge of a device); key from SHA-256 over the world and
  the stream's label.

Both laws take the seed as an option. With ``seed=None`` they are the laws ``6A_S2_PRF_V2_SPLITMIX64`` and its
siblings, whose draws do not depend on the run's seed; the engine passes the seed (see ``KERNEL_VERSION``), so that two
seeds give two worlds.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

KERNEL_VERSION = "6A_PRF_V3_SPLITMIX64_SEEDED"
"""Names the laws of this package (hashes, quantile tables, integer splits); the parameter hash covers it."""

GAMMA = 0x9E3779B97F4A7C15
MIX_1 = 0xBF58476D1CE4E5B9
MIX_2 = 0x94D049BB133111EB
_PRF_TWEAK = 0xD2B74407B1CE6E93
_WORD = 0xFFFFFFFFFFFFFFFF
_UNIFORM_BITS = 53

Words = NDArray[np.uint64]


def uer(text: str) -> bytes:
    """A text as the stream materials spell it: four length bytes, little-endian, then UTF-8."""
    raw = text.encode()
    return len(raw).to_bytes(4, "little") + raw


@lru_cache(maxsize=4096)
def entity_key(
    state: str, type_id: str, label: str, *, manifest_fingerprint: str, parameter_hash: str, seed: int | None
) -> int:
    """Key of an entity stream.

    Args:
        state: ``S2`` or ``S3``.
        type_id: Account or instrument type.
        label: ``zero_gate``, ``weight`` or ``kmax_redistribute_weight``.
        manifest_fingerprint: 64 hex digits.
        parameter_hash: 64 hex digits.
        seed: The run's seed; None for draws that no seed moves.
    """
    world = bytes.fromhex(manifest_fingerprint) + bytes.fromhex(parameter_hash)
    if seed is not None:
        world += seed.to_bytes(8, "little")
    base = hashlib.blake2b(world, digest_size=16, person=f"6A.{state}.PRF".encode()).digest()
    low, high = int.from_bytes(base[:8], "little"), int.from_bytes(base[8:], "little")
    stream = hashlib.blake2b(f"{type_id}|{label}".encode(), digest_size=8, person=f"6A.{state}.STM".encode())
    rotated = ((high << 1) | (high >> 63)) & _WORD
    return int.from_bytes(stream.digest(), "little") ^ low ^ rotated ^ _PRF_TWEAK


@lru_cache(maxsize=4096)
def pair_key(state: str, label: str, *, manifest_fingerprint: str, parameter_hash: str, seed: int | None) -> int:
    """Key of a pair stream, such as ``os_family|REGION_AFRICA`` of ``s4``; arguments as ``entity_key``."""
    material = b"".join(uer(part) for part in ("mlr:6A", state, label, manifest_fingerprint, parameter_hash))
    if seed is not None:
        material += seed.to_bytes(8, "little")
    return int.from_bytes(hashlib.sha256(material).digest()[24:32], "little")


@lru_cache(maxsize=4096)
def text_word(text: str) -> int:
    """A text as a 64-bit word, to be combined with an id."""
    return int.from_bytes(hashlib.sha256(uer(text)).digest()[24:32], "little")


def mix(ids: NDArray[np.integer], key: int) -> Words:
    """The draw of each entity: one SplitMix64 step from ``id ^ key``. Shape of ``ids``."""
    z = ids.astype(np.uint64)
    z ^= np.uint64(key)
    z += np.uint64(GAMMA)
    return _finalise(z)


def mix_pair(ids: NDArray[np.integer], extra: NDArray[np.integer] | int, key: int) -> Words:
    """The draw of each (entity, number) pair; ``ids`` and ``extra`` broadcast against each other."""
    z = ids.astype(np.uint64)
    z *= np.uint64(GAMMA)
    z ^= np.uint64(key)
    # At least one dimension: numpy warns where a scalar product wraps, and these are meant to.
    beside = np.atleast_1d(extra).astype(np.uint64) * np.uint64(MIX_1)
    return _finalise(z ^ beside)


def _finalise(z: Words) -> Words:
    z ^= z >> np.uint64(30)
    z *= np.uint64(MIX_1)
    z ^= z >> np.uint64(27)
    z *= np.uint64(MIX_2)
    z ^= z >> np.uint64(31)
    return z


def below(probability: float) -> int:
    """The bound t such that ``word >> 11 < t`` exactly where the word's 53-bit uniform is below the probability."""
    return int(np.ceil(min(max(probability, 0.0), 1.0) * 2.0**_UNIFORM_BITS))


def thresholds(shares: list[float] | tuple[float, ...]) -> Words:
    """Upper bounds of a categorical draw on 53 bits: entry i is the cumulative share up to i, the last one open.

    The pick of a word is the number of bounds (but the last) that ``word >> 11`` reaches, in the order given.

    Raises:
        ValueError: If no share is positive.
    """
    total = float(np.sum(shares, dtype=np.float64)) if len(shares) else 0.0
    if not total > 0.0:
        msg = "a categorical draw needs a positive share"
        raise ValueError(msg)
    bounds = [0] * len(shares)
    running = 0.0
    for index, share in enumerate(shares):
        running += share
        bounds[index] = below(running / total)
    last = max(index for index, share in enumerate(shares) if share > 0.0)
    for index in range(last, len(bounds)):
        bounds[index] = 1 << _UNIFORM_BITS
    return np.array(bounds, dtype=np.uint64)


def pick(words: Words, bounds: Words) -> NDArray[np.uint8]:
    """Category of each word under ``thresholds``, u8."""
    top = words >> np.uint64(11)
    codes = np.zeros(top.shape, dtype=np.uint8)
    for bound in bounds[:-1]:
        codes += top >= bound
    return codes


def scale(words: Words, span: NDArray[np.integer] | int) -> NDArray[np.uint32]:
    """Each word's upper half as a place in [0, span), span below 2^32."""
    return (((words >> np.uint64(32)) * np.asarray(span).astype(np.uint64)) >> np.uint64(32)).astype(np.uint32)
