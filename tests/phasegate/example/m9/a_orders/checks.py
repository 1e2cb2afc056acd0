"""What M9.A judges by: plain Python, tested without a session."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Order:
    """An order of a shop.

    Attributes:
        number: Its number.
        customer: Who placed it.
        goods: What is ordered.
        price: Its price, in pence; None where nobody said one.
    """

    number: str
    customer: str
    goods: str
    price: int | None


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop, as it stands.

    Attributes:
        orders: Its orders.
        stock: How much of each kind of goods it has.
        customers: The customers that it knows.
        total: What it says that its orders come to, in pence.
    """

    orders: Sequence[Order]
    stock: Mapping[str, int]
    customers: frozenset[str]
    total: int

    @property
    def unpriced(self) -> list[str]:
        """The orders without a price."""
        return [order.number for order in self.orders if order.price is None]

    @property
    def ordered(self) -> dict[str, int]:
        """How much of each kind of goods is ordered."""
        return dict(Counter(order.goods for order in self.orders))

    @property
    def uncounted(self) -> list[str]:
        """The goods that are ordered, and of which nobody knows how much there is."""
        return [goods for goods in self.ordered if goods not in self.stock]

    @property
    def short(self) -> list[str]:
        """The goods of which more is ordered than there is."""
        return [goods for goods, count in self.ordered.items() if count > self.stock.get(goods, count)]

    @property
    def unknown(self) -> list[str]:
        """The customers of orders that the shop does not know."""
        return sorted({order.customer for order in self.orders} - self.customers)

    @property
    def counted(self) -> int:
        """What the prices come to, in pence."""
        return sum(order.price or 0 for order in self.orders)
