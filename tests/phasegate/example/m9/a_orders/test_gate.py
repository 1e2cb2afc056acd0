"""M9.A: Orders can be taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from phasegate.api import GateRun, block

if TYPE_CHECKING:
    from gates.m9.a_orders.checks import Shop

pytestmark = pytest.mark.gate("M9.A")


@pytest.mark.verifier("M9A-V1")
def test_there_are_orders(gate: GateRun, shop: Shop) -> None:
    gate.metric("order_count", len(shop.orders))
    if not shop.orders:
        block("M9A-B1", "the shop has no orders")


@pytest.mark.verifier("M9A-V2")
def test_each_order_has_a_price(shop: Shop) -> None:
    for number in shop.unpriced:
        block("M9A-B2", f"order {number} has no price")


@pytest.mark.verifier("M9A-V3")
def test_the_stock_covers_the_orders(shop: Shop) -> None:
    for goods in shop.short:
        block("M9A-B3", f"more {goods} is ordered than there is")
    for goods in shop.uncounted:
        block("M9A-B4", f"nobody knows how much {goods} there is")


@pytest.mark.verifier("M9A-V4")
def test_each_customer_is_known(shop: Shop) -> None:
    for customer in shop.unknown:
        block("M9A-B5", f"nobody knows {customer}")


@pytest.mark.verifier("M9A-V5")
def test_the_total_is_the_sum(shop: Shop) -> None:
    if shop.total != shop.counted:
        block("M9A-B6", f"the total is {shop.total}, and the prices come to {shop.counted}")
