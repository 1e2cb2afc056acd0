"""S5: risk tiers and fraud roles of parties, accounts, merchants, devices and addresses.

Order of use::

    plan = plan_roles(packs, words, world)
    parties = party_roles(plan, party_type)
    risky = risky_parties(plan, parties)
    accounts = account_roles(plan, account_type, owner, risky)
    merchants = merchant_roles(plan, merchant_ids)
    devices = device_roles(plan, device_ids, device_type, risky)
    ips = ip_roles(plan, ip_type, asn_class)
    for part in accounts.parts(): ...      # rows ascending by entity id
    facts = accounts.fact

Codes of kinds (party type, account type, ...) point into the contracts' vocabularies, roles and tiers too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.config import Packs
from engine.config.roles import TIERS, Promotion, RolePack
from engine.contracts.vocabulary import Vocabularies
from engine.errors import EngineError
from engine.identity import WorldKey
from engine.kernels.hashing import below, thresholds
from engine.kernels.roles import RoleLaw, assign
from engine.states.parts import DrawFact, Part

Codes = NDArray[np.uint8]

STREAMS = (
    "party_risk_tier",
    "party_role",
    "account_risk_tier",
    "account_role",
    "merchant_risk_tier",
    "merchant_role",
    "device_risk_tier",
    "device_role",
    "ip_risk_tier",
    "ip_role",
    "account_owner_promo",
    "device_owner_promo",
    "ip_sharing_promo",
)
_SALT = 0x6A5F001
_ROWS = 1 << 19


def stream_key(world: WorldKey, label: str) -> int:
    """Key of an S5 stream: eight bytes of BLAKE2b over the world and the label."""
    text = f"{world.seed}|{world.manifest_fingerprint}|{world.parameter_hash}|{label}|{_SALT + STREAMS.index(label)}"
    return int.from_bytes(hashlib.blake2b(text.encode("ascii"), digest_size=8).digest(), "little")


@dataclass(frozen=True, slots=True)
class RolePlan:
    """All that S5 draws by.

    Attributes:
        laws: Entity (``party``, ``account``, ``merchant``, ``device``, ``ip``) to its law.
        risky: 1 for each party-role code whose bearer lifts what it owns, u8.
        device_stride: Device ids of a party start at party id times this.
        asn_classes: Number of ASN classes: an address's kind is ip type times this plus ASN class.
        sharing_threshold: Devices on an address from which sharing lifts it; 0 where sharing is off.
    """

    laws: Mapping[str, RoleLaw]
    risky: Codes
    device_stride: int
    asn_classes: int
    sharing_threshold: int


@dataclass(frozen=True, slots=True)
class RoleTable:
    """Roles of one kind of entity, ascending by id.

    Attributes:
        dataset: Dataset id.
        id_column, role_column: Names of its first two columns.
        ids: Entity ids; None where they are 1..n.
        roles, tiers: Codes, u8, shape (n,).
        fact: The event of the random-number log.
    """

    dataset: str
    id_column: str
    role_column: str
    ids: NDArray[np.integer] | None
    roles: Codes
    tiers: Codes
    fact: DrawFact

    def parts(self, rows: int = _ROWS) -> Iterator[Part]:
        """Rows in order, about ``rows`` a part; one empty part where there are none."""
        total = len(self.roles)
        for start in range(0, max(total, 1), rows):
            stop = min(start + rows, total)
            ids = np.arange(start + 1, stop + 1, dtype=np.uint32) if self.ids is None else self.ids[start:stop]
            columns: dict[str, NDArray[np.generic]] = {
                self.id_column: ids,
                self.role_column: self.roles[start:stop],
                "risk_tier": self.tiers[start:stop],
            }
            yield Part(self.dataset, columns)


def plan_roles(packs: Packs, words: Vocabularies, world: WorldKey) -> RolePlan:
    """Turn the role packs into keys, bounds and codes.

    Raises:
        EngineError: 6A.S5.ROLE_MAPPING_INCOMPLETE where a raw role has no published name.
    """
    party, account, merchant = packs.party_role_priors, packs.account_role_priors, packs.merchant_role_priors
    device, ip = packs.device_role_priors, packs.ip_role_priors
    mapping = packs.validation_policy.role_mapping
    published = {
        "party": {role: role for role in words["party_role"]},
        "account": {role: role for role in words["account_role"]},
        "merchant": {role: role for role in words["merchant_role"]},
        "device": dict(mapping.raw_to_published.DEVICE),
        "ip": dict(mapping.raw_to_published.IP),
    }
    defaults = {"device": mapping.defaults.DEVICE, "ip": mapping.defaults.IP}
    if mapping.require_full_mapping:
        defaults = {}
    kinds: dict[str, tuple[RolePack, list[str], Promotion | None, str | None]] = {
        "party": (party, list(words["party_type"]), None, None),
        "account": (
            account,
            [account.group_of_type.get(name, account.default_group) for name in words["account_type"]],
            account.owner_promotion,
            "account_owner_promo",
        ),
        "merchant": (merchant, [merchant.default_class], None, None),
        "device": (
            device,
            [device.group_of_type[name] for name in words["device_type"]],
            device.owner_promotion,
            "device_owner_promo",
        ),
        "ip": (
            ip,
            [ip.group_of(kind, asn) for kind in words["ip_type"] for asn in words["asn_class"]],
            ip.sharing_promotion,
            "ip_sharing_promo",
        ),
    }
    laws = {
        entity: _law(entity, pack, groups, lift, label, published[entity], defaults.get(entity), words, world)
        for entity, (pack, groups, lift, label) in kinds.items()
    }
    sharing = ip.sharing_promotion
    return RolePlan(
        laws=laws,
        risky=np.array([role in party.risky_roles for role in words["party_role"]], dtype=np.uint8),
        device_stride=packs.device_count_priors.caps.max_devices_per_party + 1,
        asn_classes=len(words["asn_class"]),
        sharing_threshold=sharing.degree_threshold if sharing.enabled else 0,
    )


def party_roles(plan: RolePlan, party_type: Codes) -> RoleTable:
    """Roles of parties 1..n by party type."""
    return _table(plan, "party", None, party_type, None, None)


def risky_parties(plan: RolePlan, parties: RoleTable) -> Codes:
    """1 for each party id that lifts what it owns, u8, shape (n + 1,): index is the party id."""
    flags = np.zeros(len(parties.roles) + 1, dtype=np.uint8)
    np.take(plan.risky, parties.roles, out=flags[1:], mode="clip")
    return flags


def account_roles(plan: RolePlan, account_type: Codes, owner: NDArray[np.integer], risky: Codes) -> RoleTable:
    """Roles of accounts 1..n by account type, lifted by their owner.

    Raises:
        EngineError: 6A.S5.REQUIRED_INPUT_MISSING where an owner is no party.
    """
    return _table(plan, "account", None, account_type, owner, risky)


def merchant_roles(plan: RolePlan, merchant_ids: NDArray[np.integer]) -> RoleTable:
    """Roles of merchants, ids ascending; every merchant is of the default class.

    Raises:
        EngineError: 6A.S5.REQUIRED_INPUT_MISSING where there is no merchant.
    """
    ids = np.unique(merchant_ids)
    if not len(ids):
        raise _missing(
            "merchants_missing", "the outlet catalogue names no merchant", "outlet_catalogue, column merchant_id"
        )
    return _table(plan, "merchant", ids, np.zeros(len(ids), np.uint8), None, None)


def device_roles(
    plan: RolePlan, devices: Iterator[tuple[NDArray[np.integer], Codes]], parties: int, risky: Codes
) -> RoleTable:
    """Roles of devices by device type, lifted by the party that the device id names, ascending by device id.

    Args:
        plan: Laws.
        devices: (device ids, device types) of consecutive rows of the device base, in any order.
        parties: Parties of the world.
        risky: As ``risky_parties``.

    Raises:
        EngineError: 6A.S5.REQUIRED_INPUT_MISSING where a device belongs to no party or an id stands twice.
    """
    # Ids are dense enough (stride 15) that a table by id sorts them and finds doubles in two passes.
    kind_of = np.full((parties + 1) * plan.device_stride, 255, dtype=np.uint8)
    count = 0
    for ids, types in devices:
        if len(ids) and (int(ids.max()) >= len(kind_of) or int(ids.min()) < plan.device_stride):
            raise _missing(
                "device_owner_missing", "a device belongs to no party", "s4_device_base_6A, column device_id"
            )
        kind_of[ids] = types
        count += len(ids)
    found = np.flatnonzero(kind_of != 255).astype(np.uint32)
    if len(found) != count:
        raise _missing(
            "duplicate_device_id", f"{count - len(found)} device ids stand twice", "s4_device_base_6A, column device_id"
        )
    return _table(plan, "device", found, kind_of[found], found // np.uint32(plan.device_stride), risky)


def ip_roles(plan: RolePlan, ip_type: Codes, asn_class: Codes, degree: NDArray[np.integer] | None = None) -> RoleTable:
    """Roles of addresses 1..n by address type and ASN class.

    Args:
        plan: Laws.
        ip_type: Codes.
        asn_class: Codes.
        degree: Distinct devices on each address, shape (n,); read only where sharing lifts.

    Raises:
        EngineError: 6A.S5.REQUIRED_INPUT_MISSING where sharing lifts and degrees are not given.
    """
    kinds = ip_type * np.uint8(plan.asn_classes) + asn_class
    if not plan.sharing_threshold:
        return _table(plan, "ip", None, kinds, None, None)
    if degree is None:
        raise _missing(
            "ip_degree_missing", "sharing lifts addresses, and their degrees are not given", "ip_role_priors"
        )
    shared = np.r_[np.uint8(0), (degree >= plan.sharing_threshold).astype(np.uint8)]
    return _table(plan, "ip", None, kinds, np.arange(1, len(kinds) + 1, dtype=np.uint32), shared)


def _table(
    plan: RolePlan,
    entity: str,
    ids: NDArray[np.integer] | None,
    kinds: Codes,
    owners: NDArray[np.integer] | None,
    risky: Codes | None,
) -> RoleTable:
    if owners is not None and risky is not None and len(owners) and int(owners.max()) >= len(risky):
        raise _missing(
            f"{entity}_owner_missing", f"{entity}: owner {int(owners.max())} is no party", "s1_party_base_6A"
        )
    numbers = np.arange(1, len(kinds) + 1, dtype=np.uint32) if ids is None else ids
    roles, tiers = assign(plan.laws[entity], numbers, kinds, owners, risky)
    fact = DrawFact(f"fraud_role_sampling_{entity}", (), {"method": "deterministic_hash", "rows": len(kinds)})
    return RoleTable(f"s5_{entity}_fraud_roles_6A", f"{entity}_id", f"fraud_role_{entity}", ids, roles, tiers, fact)


def _law(
    entity: str,
    pack: RolePack,
    groups: list[str],
    lift: Promotion | None,
    label: str | None,
    published: Mapping[str, str],
    default: str | None,
    words: Vocabularies,
    world: WorldKey,
) -> RoleLaw:
    """Keys, bounds and codes of one entity; ``groups`` is the role group of each kind code."""
    names = sorted(set(groups))
    width = max(len(pack.roles[name].of(tier)) for name in names for tier in TIERS)
    bounds = np.full((len(names) * 4, width), 1 << 53, dtype=np.uint64)
    codes = np.zeros((len(names), width), dtype=np.uint8)
    vocabulary = words[f"{entity}_role"]
    for index, name in enumerate(names):
        order = list(pack.roles[name].of(TIERS[0]))
        for position, role in enumerate(order):
            word = published.get(role, default)
            if word not in vocabulary:
                raise EngineError(
                    code="6A.S5.ROLE_MAPPING_INCOMPLETE",
                    reason="role_unmapped",
                    fact=f"role {role} of {entity} has no published name",
                    place="validation_policy, role_mapping.raw_to_published",
                    remedy="map the role to a published one",
                )
            codes[index, position] = vocabulary.index(word)
        for step, tier in enumerate(TIERS):
            shares = pack.roles[name].of(tier)
            bounds[index * 4 + step, : len(order)] = thresholds([shares.get(role, 0.0) for role in order])
    chances = [0.0] * 4
    if lift is not None and lift.enabled:
        chances = [getattr(lift.probability, tier) for tier in TIERS]
    chances[3] = 0.0
    return RoleLaw(
        tier_key=stream_key(world, f"{entity}_risk_tier"),
        role_key=stream_key(world, f"{entity}_role"),
        lift_key=stream_key(world, label) if label else 0,
        tier_bounds=np.array([below(bound) for bound in pack.tier_thresholds.bounds[:3]], dtype=np.uint64),
        lift_bounds=np.array([below(chance) for chance in chances], dtype=np.uint64),
        group_of=np.array([names.index(name) for name in groups], dtype=np.uint8),
        role_bounds=bounds,
        role_code=codes,
        tier_code=np.array([words["risk_tier"].index(tier) for tier in TIERS], dtype=np.uint8),
    )


def _missing(reason: str, fact: str, place: str) -> EngineError:
    return EngineError(
        code="6A.S5.REQUIRED_INPUT_MISSING",
        reason=reason,
        fact=fact,
        place=place,
        remedy="run the earlier states of this run again",
    )
