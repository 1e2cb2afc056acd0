"""Packs are read whole, and what is wrong in them is named with file and line."""

import math
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.config import PACK_NAMES, PACKS, load_packs
from engine.config.lint import tilted_lambda
from engine.errors import EngineError


@pytest.fixture
def packs(tmp_path):
    return Path(shutil.copytree(PACKS, tmp_path / "packs"))


def change(packs, name, old, new):
    path = packs / next(pack.path for pack in PACK_NAMES if pack.field == name)
    text = path.read_text()
    assert text.count(old) >= 1, old
    path.write_text(text.replace(old, new, 1))
    return path, text[: text.index(old)].count("\n") + 1


def refused(packs):
    with pytest.raises(EngineError) as caught:
        load_packs(packs)
    return caught.value


RULE = "{hard_max: 2, p_zero_weight: 0.1, sigma: 0.5, count_model: bernoulli_cap1_v1, p_zero: 0.1, kappa: null}"
BAD = {
    "a share row that does not sum to one": (
        "segmentation_priors",
        "RETAIL: 0.975",
        "RETAIL: 0.985",
        "6A.S1.PRIOR_PACK_INVALID",
        "shares_do_not_sum_to_one",
    ),
    "countries without a weight": (
        "population_priors",
        "use_outlets: true, use_arrivals: true",
        "use_outlets: false, use_arrivals: false",
        "6A.S1.PRIOR_PACK_INVALID",
        "country_weight_missing",
    ),
    "an exponent that leaves the doubles": (
        "population_priors",
        "outlet_exponent: 0.85",
        "outlet_exponent: 850.0",
        "6A.S0.PRIOR_PACK_SCHEMA_INVALID",
        "less_than_equal",
    ),
    "a region without a mix": (
        "segmentation_priors",
        "  REGION_AMER: {RETAIL: 0.955, BUSINESS: 0.04, OTHER: 0.005}\n",
        "",
        "6A.S1.PRIOR_PACK_INVALID",
        "missing_region_mix",
    ),
    "a cap below the mean": (
        "product_mix_priors",
        "base_lambda: 0.25",
        "base_lambda: 2.25",
        "6A.S2.PRIOR_PACK_INVALID",
        "kmax_below_mean",
    ),
    "a hard maximum without room": (
        "instrument_per_account_priors",
        "hard_max: 5, p_zero_weight: 0.45",
        "hard_max: 1, p_zero_weight: 0.95",
        "6A.S3.PRIOR_PACK_INVALID",
        "invalid_hard_max",
    ),
    "an account that requires an instrument and expects none": (
        "instrument_mix_priors",
        "RETAIL_CREDIT_CARD_STANDARD: 1.4",
        "RETAIL_CREDIT_CARD_STANDARD: 0.0",
        "6A.S3.PRIOR_PACK_INVALID",
        "mandatory_instrument_without_weight",
    ),
    "a rule for an instrument that the mix lacks": (
        "instrument_per_account_priors",
        "    RETAIL_DEBIT_CARD_VIRTUAL: {hard_max",
        f"    RETAIL_PREPAID_CARD_VIRTUAL: {RULE}\n    RETAIL_DEBIT_CARD_VIRTUAL: {{hard_max",
        "6A.S3.PRIOR_PACK_INVALID",
        "instrument_rule_unused",
    ),
    "an instrument that the holder may not have": (
        "instrument_taxonomy",
        "party_types: [RETAIL]",
        "party_types: [BUSINESS]",
        "6A.S3.PRIOR_PACK_INVALID",
        "instrument_pair_ineligible",
    ),
    "an unknown party role": ("fraud_role_taxonomy", "MULE: 4", "MULES: 4", "6A.S5.PRIOR_PACK_INVALID", "unknown_role"),
    "a raw role without a published name": (
        "validation_policy",
        "RISKY_DEVICE: HIGH_RISK_DEVICE, ",
        "",
        "6A.S5.ROLE_MAPPING_INCOMPLETE",
        "role_unmapped",
    ),
    "a published role that is none": (
        "validation_policy",
        "RISKY_DEVICE: HIGH_RISK_DEVICE",
        "RISKY_DEVICE: WORST",
        "6A.S5.ROLE_MAPPING_INCOMPLETE",
        "published_role_unknown",
    ),
    "an account type without a rule": (
        "account_per_party_priors",
        "  BUSINESS_SAVINGS: {K_max",
        "  BUSINESS_SAVING: {K_max",
        "6A.S2.PRIOR_PACK_INVALID",
        "account_rule_missing",
    ),
    "a required type that nobody holds": (
        "product_mix_priors",
        "required: true, base_lambda: 1.0",
        "required: true, base_lambda: 0.0",
        "6A.S2.DOMAIN_INVALID",
        "required_account_type_zero_lambda",
    ),
    "an unknown key": (
        "population_priors",
        "active_fraction: 0.42",
        "active_fraktion: 0.42",
        "6A.S0.PRIOR_PACK_SCHEMA_INVALID",
        "missing",
    ),
    "a figure that is not finite": (
        "population_priors",
        "active_fraction: 0.42",
        "active_fraction: .nan",
        "6A.S0.PRIOR_PACK_SCHEMA_INVALID",
        None,
    ),
    "a key given twice": (
        "population_priors",
        "mode: arrivals_based_v1",
        "mode: arrivals_based_v1\n  mode: arrivals_based_v1",
        "6A.S0.PRIOR_PACK_SCHEMA_INVALID",
        "pack_not_yaml",
    ),
    "a pack under another's name": (
        "population_priors",
        "pack: mlr.6A.prior.population",
        "pack: mlr.6A.prior.segmentation",
        "6A.S0.PRIOR_PACK_SCHEMA_INVALID",
        "pack_key_mismatch",
    ),
    "an address type mix that misses a region": (
        "ip_count_priors",
        "  REGION_EMEA:",
        "  REGION_EMEAS:",
        "6A.S4.PRIOR_PACK_INVALID",
        "ip_type_mix_missing_region",
    ),
    "a device type without an operating system": (
        "device_count_priors",
        "  WEARABLE: {IOS",
        "  WEARABLES: {IOS",
        "6A.S4.PRIOR_PACK_INVALID",
        "os_mix_missing",
    ),
    "tier bounds that fall": (
        "party_role_priors",
        "STANDARD: 0.65",
        "STANDARD: 0.15",
        "6A.S5.PRIOR_PACK_INVALID",
        "tier_thresholds_not_rising",
    ),
}


HELD = [
    ("account_per_party_priors", "[bernoulli_cap1_v1, zi_poisson_capK_v1, ", "[", "S2", "unsupported_count_model"),
    ("account_per_party_priors", "p_zero_weight: 0.01, sigma: 0.25", "p_zero_weight: 0.2, sigma: 0.25", "S2",
     "required_coverage_missed"),
    ("device_count_priors", "devices_world: 200000000", "devices_world: 2000", "S4", "world_cap_below_largest_world"),
    ("ip_count_priors", "edges_world: 900000000", "edges_world: 400000000", "S4", "world_cap_below_largest_world"),
    ("ip_count_priors", "max_parties_per_ip: 150000", "max_parties_per_ip: 599", "S4", "invalid_max_parties_per_ip"),
    ("ip_count_priors", "per_ip: 1.0e-09", "per_ip: 3.0", "S4", "mean_devices_per_ip_below_least"),
    ("validation_policy", "layer2: [5A, 5B]", "layer2: [5A, 5B, 5C]", "S5", "upstream_gates_differ"),
    ("validation_policy", "layer2: [5A, 5B]", "layer2: [5A]", "S5", "upstream_gates_differ"),
    ("account_taxonomy", "ledger_class: DEPOSIT", "ledger_class: DEPOSITS", "S2", "unknown_ledger_class"),
    ("instrument_taxonomy", "identifier: PAN", "identifier: PEN", "S3", "unknown_identifier"),
    ("device_taxonomy", "allowed_ua: [CHROME", "allowed_ua: [CHROMIUM", "S4", "unknown_allowed_ua"),
    ("ip_taxonomy", "asn_classes: [MNO]", "asn_classes: [MNOP]", "S4", "unknown_asn_class"),
    ("graph_linkage_rules", "requires: [device_id]", "requires: [devise_id]", "S4", "unknown_link_field"),
    ("graph_linkage_rules", "forbids: [party_id, account_id", "forbids: [merchant_id, account_id", "S4",
     "link_role_contradicts_itself"),
    ("graph_linkage_rules", "    requires: [party_id]\n", "    requires: [party_id, device_id]\n", "S4",
     "link_role_not_emitted"),
    ("graph_linkage_rules", "  PRIMARY_OWNER:", "  OWNER:", "S4", "missing_primary_owner_role"),
    ("graph_linkage_rules", "  TYPICAL_DEVICE_IP:\n", "  TYPICAL_IP:\n", "S4", "missing_typical_device_ip_role"),
    ("device_linkage_rules", "SECONDARY_USER:", "OTHER_USER:", "S4", "device_link_roles_differ"),
    ("device_linkage_rules", "device_types: [LAPTOP]", "device_types: [LAPTOPS]", "S4", "device_type_unknown"),
    ("device_linkage_rules", "device_types: [LAPTOP]", "device_types: [TABLET]", "S4", "device_type_in_two_groups"),
]  # fmt: skip


def test_the_packs_that_ship_load_and_every_state_has_its_own():
    packs = load_packs()
    assert sorted(packs.files) == sorted(name.key for name in PACK_NAMES)
    assert len(packs.files) == 22
    assert packs.population_priors.world_size.N_world_min == 150_000


@pytest.mark.parametrize("case", BAD)
def test_a_pack_that_cannot_be_right_is_refused_with_its_place(packs, case):
    name, old, new, code, reason = BAD[case]
    change(packs, name, old, new)
    error = refused(packs)
    assert error.code == code
    assert reason is None or error.reason == reason
    path, _, line = error.place.rpartition(":")
    assert Path(path).is_file()
    assert int(line) >= 1
    assert error.remedy


ONE_WAY = [
    ("product_mix_priors", "domain_mode", "explicit_by_party_type", "explicit_by_party_type_and_segment"),
    ("product_mix_priors", "enforce_required_types", "true", "false"),
    ("product_mix_priors", "disallow_zero_domain_cells", "true", "false"),
    ("instrument_per_account_priors", "require_nonzero_weight_when_mandatory", "true", "false"),
    ("instrument_per_account_priors", "forbid_rules_for_ineligible_pairs", "true", "false"),
    ("device_count_priors", "fail_on_missing_rule", "true", "false"),
    ("ip_count_priors", "fail_on_missing_rule", "true", "false"),
    ("validation_policy", "require_unique_party_id", "true", "false"),
    ("validation_policy", "require_account_type_present", "true", "false"),
    ("validation_policy", "require_account_link_present", "true", "false"),
    ("validation_policy", "require_device_type_present", "true", "false"),
    ("validation_policy", "require_ip_type_present", "true", "false"),
    ("validation_policy", "require_role_vocab_match_taxonomy", "true", "false"),
    ("validation_policy", "require_linkage_roles_match_policy", "true", "false"),
    ("validation_policy", "t8_compare_space", "canonical_taxonomy", "raw"),
]


@pytest.mark.parametrize(("name", "key", "only", "other"), ONE_WAY, ids=lambda value: value)
def test_what_the_engine_knows_no_other_way_for_cannot_be_switched(packs, name, key, only, other):
    path, line = change(packs, name, f"{key}: {only}", f"{key}: {other}")
    error = refused(packs)
    assert (error.code, error.reason) == ("6A.S0.PRIOR_PACK_SCHEMA_INVALID", "literal_error")
    assert key in error.fact
    assert f"not {other.title() if other == 'false' else repr(other)}" in error.fact
    assert error.place == f"{path}:{line}"
    assert "write what is expected" in error.remedy


def test_a_requirement_that_no_check_knows_is_refused(packs):
    change(packs, "validation_policy", "require_ip_type_present", "require_ip_owner_present")
    assert refused(packs).code == "6A.S0.PRIOR_PACK_SCHEMA_INVALID"


@pytest.mark.parametrize(("name", "old", "new", "state", "reason"), HELD, ids=lambda value: value[:40])
def test_what_no_state_looks_at_while_it_draws_is_held_before(packs, name, old, new, state, reason):
    path, _ = change(packs, name, old, new)
    error = refused(packs)
    assert (error.code, error.reason) == (f"6A.{state}.PRIOR_PACK_INVALID", reason)
    assert Path(error.place.rpartition(":")[0]) == path


def test_the_place_is_the_line_of_the_figure(packs):
    path, line = change(packs, "population_priors", "active_fraction: 0.42", "active_fraction: -1")
    assert refused(packs).place == f"{path}:{line}"


def test_all_problems_of_a_pack_are_told_at_once(packs):
    change(packs, "population_priors", "active_fraction: 0.42", "active_fraction: -1")
    change(packs, "population_priors", "N_world_min: 150000", "N_world_min: few")
    assert len(refused(packs).context["problems"]) == 2


def test_a_missing_pack_is_named(packs):
    (packs / "taxonomy" / "ip_taxonomy_6A.v1.yaml").unlink()
    error = refused(packs)
    assert error.code == "6A.S0.PRIOR_PACK_MISSING"
    assert error.place.endswith("ip_taxonomy_6A.v1.yaml")


def test_the_parameter_hash_follows_every_byte_and_the_kernels(packs):
    before = load_packs(packs)
    change(packs, "ip_taxonomy", "# ", "#  ")
    after = load_packs(packs)
    assert before.parameter_hash("k1") == load_packs().parameter_hash("k1")
    assert before.parameter_hash("k1") != before.parameter_hash("k2")
    assert before.parameter_hash("k1") != after.parameter_hash("k1")


def test_the_tilt_follows_the_features_of_a_segment():
    packs = load_packs()
    assert tilted_lambda(packs, "RETAIL_AFFLUENT", "RETAIL_CURRENT_BASIC") == 1.0
    assert tilted_lambda(packs, "RETAIL_AFFLUENT", "RETAIL_CREDIT_CARD_STANDARD") == pytest.approx(
        0.5 * math.exp(-0.25 * (0.15 - 0.5) + 0.7 * (0.65 - 0.5) + 0.35 * (0.65 - 0.5))
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.binary(max_size=200))
def test_any_bytes_in_place_of_a_pack_end_in_a_named_error(packs, raw):
    (packs / "priors" / "population_priors_6A.v1.yaml").write_bytes(raw)
    assert refused(packs).code.startswith("6A.S0.PRIOR_PACK_SCHEMA_INVALID")
