"""Reads the packs of a folder: every byte digested, every figure checked, every complaint with file and line."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

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
from engine.errors import EngineError

PACKS = Path(__file__).parent / "packs"
"""The packs that the engine ships."""

P = TypeVar("P", bound=Pack)
_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class PackName:
    """Where a pack lies and what it is called.

    Attributes:
        field: Its attribute of ``Packs``, and the stem of its file.
        folder: ``priors``, ``taxonomy`` or ``policy``.
        key: Its manifest key.
        state: The state that reads it first, and that complains about it.
    """

    field: str
    folder: str
    key: str
    state: str

    @property
    def path(self) -> str:
        """Path inside the folder of packs."""
        return f"{self.folder}/{self.field}_6A.v1.yaml"


PACK_NAMES: tuple[PackName, ...] = (
    PackName("population_priors", "priors", "mlr.6A.prior.population", "S1"),
    PackName("segmentation_priors", "priors", "mlr.6A.prior.segmentation", "S1"),
    PackName("product_mix_priors", "priors", "mlr.6A.prior.product_mix", "S2"),
    PackName("account_per_party_priors", "priors", "mlr.6A.prior.account_per_party", "S2"),
    PackName("instrument_mix_priors", "priors", "mlr.6A.prior.instrument_mix", "S3"),
    PackName("instrument_per_account_priors", "priors", "mlr.6A.prior.instrument_per_account", "S3"),
    PackName("device_count_priors", "priors", "mlr.6A.prior.device_counts", "S4"),
    PackName("ip_count_priors", "priors", "mlr.6A.prior.ip_counts", "S4"),
    PackName("party_role_priors", "priors", "mlr.6A.s5.prior.party_roles", "S5"),
    PackName("account_role_priors", "priors", "mlr.6A.s5.prior.account_roles", "S5"),
    PackName("merchant_role_priors", "priors", "mlr.6A.s5.prior.merchant_roles", "S5"),
    PackName("device_role_priors", "priors", "mlr.6A.s5.prior.device_roles", "S5"),
    PackName("ip_role_priors", "priors", "mlr.6A.s5.prior.ip_roles", "S5"),
    PackName("party_taxonomy", "taxonomy", "mlr.6A.taxonomy.party", "S1"),
    PackName("account_taxonomy", "taxonomy", "mlr.6A.taxonomy.account_types", "S2"),
    PackName("instrument_taxonomy", "taxonomy", "mlr.6A.taxonomy.instrument_types", "S3"),
    PackName("device_taxonomy", "taxonomy", "mlr.6A.taxonomy.devices", "S4"),
    PackName("ip_taxonomy", "taxonomy", "mlr.6A.taxonomy.ips", "S4"),
    PackName("fraud_role_taxonomy", "taxonomy", "mlr.6A.taxonomy.fraud_roles", "S5"),
    PackName("validation_policy", "policy", "mlr.6A.policy.validation_policy", "S5"),
    PackName("graph_linkage_rules", "policy", "mlr.6A.policy.graph_linkage_rules", "S4"),
    PackName("device_linkage_rules", "policy", "mlr.6A.policy.device_linkage_rules", "S4"),
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


def load_packs(root: Path = PACKS) -> Packs:
    """Read and check all packs of a folder.

    Args:
        root: Folder with ``priors``, ``taxonomy`` and ``policy``.

    Raises:
        EngineError: 6A.S0.PRIOR_PACK_MISSING where a file cannot be read; 6A.S0.PRIOR_PACK_SCHEMA_INVALID where it is
            no pack of its kind; PRIOR_PACK_INVALID, DOMAIN_INVALID or ROLE_MAPPING_INCOMPLETE of the state that
            reads a pack whose figures cannot be right.
    """
    from engine.config.lint import lint_packs

    packs: dict[str, Pack] = {}
    files: dict[str, PackFile] = {}
    for name in PACK_NAMES:
        pack, file = _load(root, name, Packs.__annotations__[name.field])
        packs[name.field] = pack
        files[name.key] = file
    loaded = Packs(**packs, files=files)  # type: ignore[arg-type]
    lint_packs(loaded)
    return loaded


def locate(path: Path, where: tuple[Hashable, ...]) -> str:
    """``file:line`` of a key path in a YAML file, of the deepest part of it that exists."""
    node = yaml.compose(path.read_text(encoding="utf-8"), Loader=_Loader)
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


def _load(root: Path, name: PackName, kind: Any) -> tuple[Pack, PackFile]:
    path = root / name.path
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise EngineError(
            code="6A.S0.PRIOR_PACK_MISSING",
            reason="pack_unreadable",
            fact=f"pack {name.key} cannot be read: {error.strerror or error}",
            place=str(path),
            remedy="restore the file, or name the right folder of packs",
            context={"pack": name.key},
        ) from error
    model: type[Pack] = _models()[kind] if isinstance(kind, str) else kind
    tree = _parse(raw, path, name)
    try:
        pack = model.model_validate(tree)
    except ValidationError as error:
        raise _invalid(error, path, name) from error
    if pack.pack != name.key:
        raise EngineError(
            code="6A.S0.PRIOR_PACK_SCHEMA_INVALID",
            reason="pack_key_mismatch",
            fact=f"the file calls itself {pack.pack}, where {name.key} is expected",
            place=locate(path, ("pack",)),
            remedy="put the right pack under this name",
        )
    return pack, PackFile(name, path, hashlib.sha256(raw).hexdigest(), len(raw), pack.version)


def _models() -> Mapping[str, type[Pack]]:
    return {model.__name__: model for model in _all_models(Pack)}


def _all_models(base: type[Pack]) -> set[type[Pack]]:
    below = set(base.__subclasses__())
    return below.union(*(_all_models(model) for model in below)) if below else below


class _UniqueKeys(_Loader):  # type: ignore[misc]
    """A safe loader that refuses a key given twice, where YAML would silently take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key.value!r} is given twice", key.start_mark)
            seen.add(key.value)
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep=deep)
        return mapping


def _parse(raw: bytes, path: Path, name: PackName) -> object:
    try:
        return yaml.load(raw, Loader=_UniqueKeys)  # noqa: S506 - a safe loader with one more rule
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError, TypeError) as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error) or type(error).__name__
        raise EngineError(
            code="6A.S0.PRIOR_PACK_SCHEMA_INVALID",
            reason="pack_not_yaml",
            fact=f"pack {name.key} is no readable YAML: {problem}",
            place=f"{path}:{mark.line + 1}" if mark else str(path),
            remedy="mend the file at this line",
            context={"pack": name.key},
        ) from error


def _invalid(error: ValidationError, path: Path, name: PackName) -> EngineError:
    problems = [
        {"where": ".".join(map(str, item["loc"])), "what": item["msg"], "place": locate(path, item["loc"])}
        for item in error.errors(include_url=False)
    ]
    first = error.errors(include_url=False)[0]
    ours = first["type"] in {"shares_do_not_sum_to_one", "range_inverted", "tier_thresholds_not_rising"}
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return EngineError(
        code=f"6A.{name.state}.PRIOR_PACK_INVALID" if ours else "6A.S0.PRIOR_PACK_SCHEMA_INVALID",
        reason=first["type"],
        fact=f"{name.key}: {problems[0]['where'] or 'the pack'}: {first['msg']}{more}",
        place=problems[0]["place"],
        remedy="correct the figure or the key at this line",
        context={"pack": name.key, "problems": problems},
    )
