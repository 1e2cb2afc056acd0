"""The artifacts of M9.A."""

from __future__ import annotations

from phasegate.api import Artifact, Count, Part, Said


class OrderRow(Part):
    """One order."""

    order: Said
    goods: Said
    price: Count | None


class OrderMatrix(Artifact, file="m9a_order_matrix.json"):
    """One row for each order."""

    rows: tuple[OrderRow, ...]


class StockSnapshot(Artifact, file="m9a_stock_snapshot.json"):
    """How much of each kind of goods there is, and how much is ordered."""

    stock: dict[str, Count]
    ordered: dict[str, Count]


class CustomerMatrix(Artifact, file="m9a_customer_matrix.json"):
    """The customers of orders, and those that nobody knows."""

    known: tuple[Said, ...]
    unknown: tuple[Said, ...]


class TotalSnapshot(Artifact, file="m9a_total_snapshot.json"):
    """The total as it was said, and as the prices add up."""

    said: Count
    counted: Count
