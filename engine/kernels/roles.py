"""Tier and role of entities by thresholds on hashes: a plain reference, and blocks of numpy.

Every entity draws a tier; a risky owner may lift it by one step; the role follows from group and final tier. All
decisions compare 53-bit integers, so the twins agree bit by bit and no order of work matters. A compiled loop saves a
third of a second at 24 million entities, less than loading it costs a small world, so there is none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.kernels.hashing import GAMMA, MIX_1, MIX_2, mix

BLOCK = 1 << 15
"""Entities of a block: its temporaries stay in the cache."""

Codes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class RoleLaw:
    """How one kind of entity draws.

    Attributes:
        tier_key, role_key, lift_key: Keys of the streams.
        tier_bounds: Bounds of the tiers but the last, u64, shape (3,).
        lift_bounds: A lift happens where the draw lies below the bound of the base tier, u64, shape (4,); all zero
            where lifts are off.
        group_of: Group of each kind code, u8, shape (kinds,).
        role_bounds: Cumulative bounds, u64, shape (groups * 4, roles): row ``group * 4 + tier``.
        role_code: Published code of each drawn role, by group, u8, shape (groups, roles).
        tier_code: Published code of each tier from low to high, u8, shape (4,).
    """

    tier_key: int
    role_key: int
    lift_key: int
    tier_bounds: NDArray[np.uint64]
    lift_bounds: NDArray[np.uint64]
    group_of: Codes
    role_bounds: NDArray[np.uint64]
    role_code: Codes
    tier_code: Codes


def assign(
    law: RoleLaw,
    ids: NDArray[np.integer],
    kinds: Codes,
    owners: NDArray[np.integer] | None,
    risky: Codes | None,
) -> tuple[Codes, Codes]:
    """Published role and tier code of each entity.

    Args:
        law: Keys and bounds.
        ids: Entity ids, shape (n,).
        kinds: Kind code of each, u8, shape (n,).
        owners: Id of each entity's owner, shape (n,); None where nothing lifts.
        risky: 1 for each owner id that lifts, u8, indexed by id; None where nothing lifts.

    Returns:
        Roles and tiers, u8, shape (n,).
    """
    lifts = owners is not None and risky is not None and bool(law.lift_bounds.any())
    roles, tiers = np.empty(len(ids), np.uint8), np.empty(len(ids), np.uint8)
    for start in range(0, len(ids), BLOCK):
        part = slice(start, start + BLOCK)
        own = owners[part] if lifts and owners is not None else None
        roles[part], tiers[part] = _block(law, ids[part], kinds[part], own, risky)
    return roles, tiers


def reference(law: RoleLaw, entity: int, kind: int, *, owner_risky: bool) -> tuple[int, int]:
    """Role and tier code of one entity, in plain integers."""
    tier = sum(_word(entity, law.tier_key) >= int(bound) for bound in law.tier_bounds)
    if owner_risky and tier < 3 and _word(entity, law.lift_key) < int(law.lift_bounds[tier]):
        tier += 1
    group = int(law.group_of[kind])
    row = law.role_bounds[group * 4 + tier]
    role = sum(_word(entity, law.role_key) >= int(bound) for bound in row[:-1])
    return int(law.role_code[group, role]), int(law.tier_code[tier])


def _word(entity: int, key: int) -> int:
    """The top 53 bits of an entity's draw."""
    word = 0xFFFFFFFFFFFFFFFF
    z = ((entity ^ key) + GAMMA) & word
    z = ((z ^ (z >> 30)) * MIX_1) & word
    z = ((z ^ (z >> 27)) * MIX_2) & word
    return (z ^ (z >> 31)) >> 11


def _block(
    law: RoleLaw, ids: NDArray[np.integer], kinds: Codes, owners: NDArray[np.integer] | None, risky: Codes | None
) -> tuple[Codes, Codes]:
    draw = mix(ids, law.tier_key) >> np.uint64(11)
    tier = np.zeros(len(ids), np.uint8)
    for bound in law.tier_bounds:
        tier += draw >= bound
    if owners is not None and risky is not None:
        # Few owners are risky: only their entities draw for a lift.
        at = np.flatnonzero(risky[owners])
        lift = (mix(ids[at], law.lift_key) >> np.uint64(11)) < law.lift_bounds[tier[at]]
        tier[at] += lift & (tier[at] < 3)
    group = law.group_of[kinds]
    row = group * np.uint8(4) + tier
    draw = mix(ids, law.role_key) >> np.uint64(11)
    role = np.zeros(len(ids), np.uint8)
    for column in range(law.role_bounds.shape[1] - 1):
        role += draw >= law.role_bounds[:, column][row]
    return law.role_code[group, role], law.tier_code[tier]
