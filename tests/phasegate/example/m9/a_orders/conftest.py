"""What the verifiers of M9.A look at."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from gates.m9.a_orders.artifacts import CustomerMatrix, OrderMatrix, OrderRow, StockSnapshot, TotalSnapshot
from gates.m9.a_orders.checks import Order, Shop

from phasegate.api import Artifact


@pytest.fixture
def shop(pytestconfig: pytest.Config) -> Shop:
    """The shop, as its file says."""
    found = json.loads(Path(pytestconfig.rootpath, "shop.json").read_text(encoding="utf-8"))
    orders = tuple(Order(**order) for order in found["orders"])
    return Shop(orders, found["stock"], frozenset(found["customers"]), found["total"])


@pytest.fixture
def gate_artifacts(shop: Shop) -> Iterable[Artifact]:
    """What is published."""
    rows = tuple(OrderRow(order=order.number, goods=order.goods, price=order.price) for order in shop.orders)
    return (
        OrderMatrix(rows=rows),
        StockSnapshot(stock=dict(shop.stock), ordered=shop.ordered),
        CustomerMatrix(known=tuple(sorted(shop.customers)), unknown=tuple(shop.unknown)),
        TotalSnapshot(said=shop.total, counted=shop.counted),
    )
