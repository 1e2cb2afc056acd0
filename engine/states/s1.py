"""S1: how many parties the world has, and how countries, party types and segments share them.

Order of use::

    plan = plan_parties(packs, words, demand, counts=stream, attributes=stream, scale=1.0)
    for part in emit_party_base(plan.blocks): ...
    for part in emit_summary(plan.blocks): ...
    facts = plan.facts
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from engine.config import Packs
from engine.config.priors import PopulationPriors
from engine.contracts.vocabulary import Vocabularies
from engine.errors import EngineError
from engine.kernels.remainder import largest_remainder
from engine.kernels.ties import CounterStream, Reservation, TieStream
from engine.states.parts import ROWS, DrawFact, Part
from engine.states.runs import PartyBlocks, window
from engine.upstream.demand import Demand
from engine.upstream.shape import region_of_country

SIZE_STREAM = "party_count_realisation"
ATTRIBUTE_STREAM = "party_attribute_sampling"
_LARGEST_BELOW_ONE = math.nextafter(1.0, 0.0)


@dataclass(frozen=True, slots=True)
class PartyPlan:
    """Parties before they are written.

    Attributes:
        total: Parties of the world.
        blocks: Runs of equal attributes, countries and then segments ascending.
        facts: Events: one a country, one a country and party type.
        warnings: What is doubtful, one line each.
    """

    total: int
    blocks: PartyBlocks
    facts: tuple[DrawFact, ...]
    warnings: tuple[str, ...]


def size_multiplier(priors: PopulationPriors, stream: TieStream) -> tuple[float, Reservation]:
    """The world-size multiplier: lognormal of mean 1, clipped; two uniforms, one normal by the cosine form.

    Source: the reference draws 0.9343446004030369 at seed 42.
    """
    taken = stream.reserve(2)
    first, second = (
        min((word + 1) * 2.0**-64, _LARGEST_BELOW_ONE) for word in taken.words(np.arange(2, dtype=np.int64)).tolist()
    )
    normal = math.sqrt(-2.0 * math.log(first)) * math.cos(2.0 * math.pi * second)
    sigma, clip = priors.world_size.seed_scale_lognormal_sigma, priors.world_size.seed_scale_clip
    return min(max(math.exp(sigma * normal - sigma * sigma / 2.0), clip.min), clip.max), taken


def reference_multiplier(
    priors: PopulationPriors, *, manifest_fingerprint: str, parameter_hash: str, seed: int
) -> float:
    """What a seed draws as the multiplier in a world of this name."""
    stream = CounterStream(
        SIZE_STREAM, manifest_fingerprint=manifest_fingerprint, parameter_hash=parameter_hash, seed=seed
    )
    return size_multiplier(priors, stream)[0]


def plan_parties(
    packs: Packs,
    words: Vocabularies,
    demand: Demand,
    *,
    counts: TieStream,
    attributes: TieStream,
    scale: float = 1.0,
) -> PartyPlan:
    """Draw the size of the world and split it.

    Args:
        packs: Priors.
        words: Vocabularies; its countries are those of the outlets.
        demand: Outlets and arrivals by country.
        counts: Stream ``party_count_realisation``.
        attributes: Stream ``party_attribute_sampling``.
        scale: Scale of the upstream world: below 1 the priors' smallest world shrinks with it, so that a witness of
            a hundredth is one.

    Raises:
        EngineError: 6A.S1.POPULATION_INTEGERISATION_FAILED (``world_population_zero``,
            ``world_population_over_max``); 6A.S1.PRIOR_PACK_INVALID (``segmentation_regions_missing``).
    """
    population = packs.population_priors
    multiplier, taken = size_multiplier(population, counts)
    total = _world_size(population, demand, multiplier, min(scale, 1.0))
    by_country, _ = largest_remainder(_country_targets(population, words, demand, total), total)
    rows: list[tuple[int, int, int, int, int]] = []
    facts: list[DrawFact] = []
    opening: tuple[Reservation, ...] = (taken,)
    for code, (country, parties) in enumerate(zip(words["country"], by_country, strict=True)):
        region = region_of_country(country)
        mix = packs.segmentation_priors.party_type_share_by_region.get(region)
        segments = {
            kind: table.get(region) for kind, table in packs.segmentation_priors.segment_share_by_region.items()
        }
        if mix is None or any(segments.get(kind) is None for kind in mix):
            raise EngineError(
                code="6A.S1.PRIOR_PACK_INVALID",
                reason="segmentation_regions_missing",
                fact=f"region {region} of {country} has no mix",
                place=f"segmentation_priors, party_type_share_by_region.{region}",
                remedy="give every region a mix of party types and of segments",
            )
        kinds = sorted(mix)
        split, drawn = largest_remainder([parties * mix[kind] for kind in kinds], parties, counts)
        context = {"country_iso": country, "region_id": region, "parties": parties}
        if opening:
            context["world_size_draws"] = 2
        facts.append(DrawFact(SIZE_STREAM, (*opening, *drawn), context))
        opening = ()
        for kind, of_kind in zip(kinds, split, strict=True):
            shares = segments[kind] or {}
            names = sorted(shares)
            parts, drawn = largest_remainder([of_kind * shares[name] for name in names], of_kind, attributes)
            facts.append(
                DrawFact(ATTRIBUTE_STREAM, drawn, {"country_iso": country, "party_type": kind, "parties": of_kind})
            )
            rows += [
                (code, words["segment"].index(name), words["party_type"].index(kind), words["region"].index(region), n)
                for name, n in zip(names, parts, strict=True)
            ]
    table = np.array(sorted(rows), dtype=np.int64)
    blocks = PartyBlocks.from_counts(
        country=table[:, 0].astype(np.uint8),
        segment=table[:, 1].astype(np.uint8),
        party_type=table[:, 2].astype(np.uint8),
        region=table[:, 3].astype(np.uint8),
        count=table[:, 4],
    )
    few = [name for name, n in zip(words["country"], by_country, strict=True) if n < population.min_parties_per_country]
    warnings = (f"{len(few)} countries have fewer than {population.min_parties_per_country} parties",) if few else ()
    return PartyPlan(total, blocks, tuple(facts), warnings)


def emit_party_base(blocks: PartyBlocks, *, rows: int = ROWS) -> Iterator[Part]:
    """Rows of ``s1_party_base_6A``: party_id (u32); party_type, segment_id, region_id, country_iso (codes)."""
    coded = {
        "party_type": blocks.party_type,
        "segment_id": blocks.segment,
        "region_id": blocks.region,
        "country_iso": blocks.country,
    }
    for start in range(0, blocks.parties, rows):
        stop = min(start + rows, blocks.parties)
        runs, share = window(blocks.count, start, stop)
        yield Part(
            "s1_party_base_6A",
            {
                "party_id": np.arange(start + 1, stop + 1, dtype=np.uint32),
                **{name: np.repeat(codes[runs], share) for name, codes in coded.items()},
            },
        )


def emit_summary(blocks: PartyBlocks) -> Iterator[Part]:
    """Rows of ``s1_party_summary_6A``, one part: the runs of the base are its cells."""
    yield Part(
        "s1_party_summary_6A",
        {
            "country_iso": blocks.country,
            "region_id": blocks.region,
            "party_type": blocks.party_type,
            "segment_id": blocks.segment,
            "party_count": blocks.count,
        },
    )


def _world_size(priors: PopulationPriors, demand: Demand, multiplier: float, scale: float) -> int:
    size = priors.world_size
    expected = sum(demand.arrivals.values()) / (size.arrivals_per_active_party_per_week * size.active_fraction)
    wanted = expected * multiplier
    problem = None
    if not wanted > 0.0:
        problem = ("world_population_zero", "the upstream world expects no arrivals")
    elif wanted > size.N_world_max:
        problem = ("world_population_over_max", f"{wanted:,.0f} parties are more than {size.N_world_max:,}")
    if problem is not None:
        raise EngineError(
            code="6A.S1.POPULATION_INTEGERISATION_FAILED",
            reason=problem[0],
            fact=problem[1],
            place="population_priors, world_size",
            remedy="bring an upstream world whose arrivals give a size within the priors' bounds",
        )
    return round(max(wanted, size.N_world_min * scale))


def _country_targets(priors: PopulationPriors, words: Vocabularies, demand: Demand, total: int) -> list[float]:
    law = priors.country_weight
    weights = []
    for country in words["country"]:
        weight = 1.0
        if law.use_outlets:
            weight *= (demand.outlets.get(country, 0) + law.outlet_offset) ** law.outlet_exponent
        if law.use_arrivals:
            weight *= (demand.arrivals.get(country, 0.0) + law.arrival_offset) ** law.arrival_exponent
        weights.append(max(weight, law.country_weight_floor))
    whole = math.fsum(weights)
    return [total * weight / whole for weight in weights]
