"""Small random worlds for the kernels, and streams to split them with."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from engine.config import views
from engine.config.loader import load_packs
from engine.contracts.vocabulary import vocabularies
from engine.identity import WorldKey
from engine.kernels import hashing
from engine.kernels.links import LinkRegion, LinkTask, guide_of
from engine.kernels.ties import Reservation
from engine.states.runs import PartyBlocks
from engine.states.s2_priors import AccountPriors, PartyVocabulary
from engine.states.s3 import InstrumentPriors, InstrumentVocabulary
from engine.states.s4 import GraphPriors, GraphVocabulary

MANIFEST = "c8fd43cd60ce0ede0c63d2ceb4610f167c9b107e1d59b9b8c7d7b8d0028b05c8"
PARAMETERS = "56d45126eaabedd083a1d8428a763e0278c89efec5023cfd6cf3cab7fc8dd2d7"

EVENTS_OF = {
    "party_count_realisation": 77,
    "party_attribute_sampling": 231,
    "account_count_realisation": 1,
    "account_allocation_sampling": 440,
    "account_attribute_sampling": 1,
    "instrument_count_realisation": 13,
    "instrument_allocation_sampling": 30,
    "instrument_attribute_sampling": 30,
    "device_count_realisation": 15,
    "device_allocation_sampling": 1,
    "device_attribute_sampling": 1,
    "ip_count_realisation": 5,
    "ip_allocation_sampling": 1,
    "ip_attribute_sampling": 1,
    **{f"fraud_role_sampling_{entity}": 1 for entity in ("party", "account", "merchant", "device", "ip")},
}
"""Label to events of a world of the reference's 77 countries; only those of S1 depend on how many there are."""


@dataclass
class Stream:
    """A counter stream that remembers what it gave."""

    key: int = 11434829242533350270
    hi: int = 17280916102221372781
    lo: int = 7754152081565572128
    taken: list[Reservation] = field(default_factory=list)

    def reserve(self, draws: int) -> Reservation:
        reservation = Reservation(self.key, self.hi, self.lo, draws)
        counter = (self.hi << 64) + self.lo + reservation.blocks
        self.hi, self.lo = (counter >> 64) & (2**64 - 1), counter & (2**64 - 1)
        self.taken.append(reservation)
        return reservation


def region(
    spans: list[int], weights: list[float], *, cap: int, devices: int, needed: int, base: int = 1, key: int = 7
) -> LinkRegion:
    """A region of these address cells."""
    bounds = hashing.thresholds(weights)
    first = base + np.cumsum([0, *spans[:-1]])
    return LinkRegion(
        bounds=bounds,
        guide=guide_of(bounds),
        first=first.astype(np.uint32),
        span=np.array(spans, dtype=np.uint32),
        word=np.array([hashing.text_word(f"cell {i}") for i in range(len(spans))], dtype=np.uint64),
        base=base,
        loads=np.zeros(sum(spans), dtype=np.int32),
        cap=cap,
        devices=devices,
        needed=needed,
        tally=np.zeros(4, dtype=np.int64),
        cell_key=key * 0x1234567,
        slot_key=key * 0x7654321,
    )


def task(of: LinkRegion, expectation: float, *, most: int = 40, key: int = 99) -> LinkTask:
    """Linking with this many edges a device in expectation."""
    whole = int(expectation)
    return LinkTask(region=of, whole=whole, extra_bound=hashing.below(expectation - whole), most=most, count_key=key)


@dataclass(frozen=True)
class World:
    """Parties of a world shaped like the reference, with the shipped packs."""

    key: WorldKey
    blocks: PartyBlocks
    accounts: AccountPriors
    party: PartyVocabulary
    instruments: InstrumentPriors
    instrument: InstrumentVocabulary
    graph: GraphPriors
    graph_words: GraphVocabulary


REGION_PARTIES = (1_019_075, 269_918, 657_966, 891_125, 443_090)
"""Parties of the reference world by region, in the order of the vocabulary."""


def small_world(scale: float, *, seed: int = 42, countries: int = 4) -> World:
    """A world of this share of the reference's parties."""
    packs = load_packs()
    names = [f"{chr(65 + region)}{chr(65 + at)}" for region in range(5) for at in range(countries)]
    words = vocabularies(packs, names)
    segments, shares = words["segment"], packs.segmentation_priors
    rows = []
    for country, name in enumerate(words["country"]):
        region = ord(name[0]) - 65
        region_name = words["region"][region]
        parties = REGION_PARTIES[region] * scale / countries
        for code, segment in enumerate(segments):
            kind = shares.segments[segment].party_type
            share = shares.party_type_share_by_region[region_name][kind]
            share *= shares.segment_share_by_region[kind][region_name][segment]
            rows.append((country, region, words["party_type"].index(kind), code, round(parties * share)))
    table = np.array(rows)
    blocks = PartyBlocks.from_counts(
        country=table[:, 0].astype(np.uint8),
        region=table[:, 1].astype(np.uint8),
        party_type=table[:, 2].astype(np.uint8),
        segment=table[:, 3].astype(np.uint8),
        count=table[:, 4],
    )
    return World(
        WorldKey(seed, MANIFEST, PARAMETERS, "0" * 32),
        blocks,
        views.account_priors(packs),
        views.party_vocabulary(words),
        views.instrument_priors(packs),
        views.instrument_vocabulary(words),
        views.graph_priors(packs),
        views.graph_vocabulary(words),
    )
