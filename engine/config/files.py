"""Which packs there are, where they lie, and what they are once read."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from engine.config.base import Pack
from engine.config.policy import DeviceLinkageRules, GraphLinkageRules, ValidationPolicy
from engine.config.priors import (
    AccountPerPartyPriors,
    DeviceCountPriors,
    InstrumentMixPriors,
    InstrumentPerAccountPriors,
    IpCountPriors,
    PopulationPriors,
    ProductMixPriors,
    SegmentationPriors,
)
from engine.config.roles import (
    AccountRolePriors,
    DeviceRolePriors,
    IpRolePriors,
    MerchantRolePriors,
    PartyRolePriors,
)
from engine.config.taxonomy import (
    AccountTaxonomy,
    DeviceTaxonomy,
    FraudRoleTaxonomy,
    InstrumentTaxonomy,
    IpTaxonomy,
    PartyTaxonomy,
)

PACKS = Path(__file__).parent / "packs"
"""The packs that the engine ships."""

YAML_LOADER: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The safe loader, in C where PyYAML has it."""


@dataclass(frozen=True, slots=True)
class PackName:
    """Where a pack lies and what it is called.

    Attributes:
        field: Its attribute of ``Packs``, and the stem of its file.
        folder: ``priors``, ``taxonomy`` or ``policy``.
        key: Its manifest key.
        state: The state that reads it first, and that complains about it.
        model: What a file of it must be.
    """

    field: str
    folder: str
    key: str
    state: str
    model: type[Pack]

    @property
    def path(self) -> str:
        """Path inside the folder of packs."""
        return f"{self.folder}/{self.field}_6A.v1.yaml"


PACK_NAMES: tuple[PackName, ...] = (
    PackName("population_priors", "priors", "mlr.6A.prior.population", "S1", PopulationPriors),
    PackName("segmentation_priors", "priors", "mlr.6A.prior.segmentation", "S1", SegmentationPriors),
    PackName("product_mix_priors", "priors", "mlr.6A.prior.product_mix", "S2", ProductMixPriors),
    PackName("account_per_party_priors", "priors", "mlr.6A.prior.account_per_party", "S2", AccountPerPartyPriors),
    PackName("instrument_mix_priors", "priors", "mlr.6A.prior.instrument_mix", "S3", InstrumentMixPriors),
    PackName(
        "instrument_per_account_priors",
        "priors",
        "mlr.6A.prior.instrument_per_account",
        "S3",
        InstrumentPerAccountPriors,
    ),
    PackName("device_count_priors", "priors", "mlr.6A.prior.device_counts", "S4", DeviceCountPriors),
    PackName("ip_count_priors", "priors", "mlr.6A.prior.ip_counts", "S4", IpCountPriors),
    PackName("party_role_priors", "priors", "mlr.6A.s5.prior.party_roles", "S5", PartyRolePriors),
    PackName("account_role_priors", "priors", "mlr.6A.s5.prior.account_roles", "S5", AccountRolePriors),
    PackName("merchant_role_priors", "priors", "mlr.6A.s5.prior.merchant_roles", "S5", MerchantRolePriors),
    PackName("device_role_priors", "priors", "mlr.6A.s5.prior.device_roles", "S5", DeviceRolePriors),
    PackName("ip_role_priors", "priors", "mlr.6A.s5.prior.ip_roles", "S5", IpRolePriors),
    PackName("party_taxonomy", "taxonomy", "mlr.6A.taxonomy.party", "S1", PartyTaxonomy),
    PackName("account_taxonomy", "taxonomy", "mlr.6A.taxonomy.account_types", "S2", AccountTaxonomy),
    PackName("instrument_taxonomy", "taxonomy", "mlr.6A.taxonomy.instrument_types", "S3", InstrumentTaxonomy),
    PackName("device_taxonomy", "taxonomy", "mlr.6A.taxonomy.devices", "S4", DeviceTaxonomy),
    PackName("ip_taxonomy", "taxonomy", "mlr.6A.taxonomy.ips", "S4", IpTaxonomy),
    PackName("fraud_role_taxonomy", "taxonomy", "mlr.6A.taxonomy.fraud_roles", "S5", FraudRoleTaxonomy),
    PackName("validation_policy", "policy", "mlr.6A.policy.validation_policy", "S5", ValidationPolicy),
    PackName("graph_linkage_rules", "policy", "mlr.6A.policy.graph_linkage_rules", "S4", GraphLinkageRules),
    PackName("device_linkage_rules", "policy", "mlr.6A.policy.device_linkage_rules", "S4", DeviceLinkageRules),
)


@dataclass(frozen=True, slots=True)
class PackFile:
    """A pack as it was read.

    Attributes:
        name: Which pack.
        path: The file.
        sha256: Digest of the bytes read, 64 hex digits.
        size: Bytes.
        version: Version that the pack gives itself.
    """

    name: PackName
    path: Path
    sha256: str
    size: int
    version: str


@dataclass(frozen=True, slots=True)
class Packs:
    """All packs, checked one by one and against each other, and the files they came from by manifest key."""

    population_priors: PopulationPriors
    segmentation_priors: SegmentationPriors
    product_mix_priors: ProductMixPriors
    account_per_party_priors: AccountPerPartyPriors
    instrument_mix_priors: InstrumentMixPriors
    instrument_per_account_priors: InstrumentPerAccountPriors
    device_count_priors: DeviceCountPriors
    ip_count_priors: IpCountPriors
    party_role_priors: PartyRolePriors
    account_role_priors: AccountRolePriors
    merchant_role_priors: MerchantRolePriors
    device_role_priors: DeviceRolePriors
    ip_role_priors: IpRolePriors
    party_taxonomy: PartyTaxonomy
    account_taxonomy: AccountTaxonomy
    instrument_taxonomy: InstrumentTaxonomy
    device_taxonomy: DeviceTaxonomy
    ip_taxonomy: IpTaxonomy
    fraud_role_taxonomy: FraudRoleTaxonomy
    validation_policy: ValidationPolicy
    graph_linkage_rules: GraphLinkageRules
    device_linkage_rules: DeviceLinkageRules
    files: Mapping[str, PackFile]

    def parameter_hash(self, *kernel_versions: str) -> str:
        """Identity of the parameters: SHA-256 over the digests of the packs and the kernel versions, 64 hex digits.

        Args:
            kernel_versions: Names of the laws by which figures become draws; another law is another world.
        """
        digest = hashlib.sha256()
        for key in sorted(self.files):
            digest.update(f"{key}\0{self.files[key].sha256}\n".encode())
        for version in sorted(kernel_versions):
            digest.update(f"kernel\0{version}\n".encode())
        return digest.hexdigest()


def locate(path: Path, where: tuple[Hashable, ...]) -> str:
    """``file:line`` of a key path in a YAML file, of the deepest part of it that exists."""
    node = yaml.compose(path.read_text(encoding="utf-8"), Loader=YAML_LOADER)
    line = node.start_mark.line if node is not None else 0
    for key in where:
        step = _step(node, key)
        if step is None:
            break
        line, node = step
    return f"{path}:{line + 1}"


def _step(node: yaml.Node | None, key: Hashable) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == str(key):
                return name.start_mark.line, value
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
        value = node.value[key]
        return value.start_mark.line, value
    return None
