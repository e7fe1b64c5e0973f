"""Small model of an order's way to the client: the expected status of each request, and the state afterwards."""

from collections import Counter
from dataclasses import dataclass, field

from tests.factories import Object

PENDING, IN_PROGRESS, DELIVERED, CANCELED = 1, 2, 3, 4
OPEN = (PENDING, IN_PROGRESS)
ON_THE_WAY = ("created", "picked_up", "in_transit", "out_for_delivery")
SHIPPED = (*ON_THE_WAY, "delivered")

STEPS = {
    "approve": (("requested",), "approved"),
    "reject": (("requested", "approved"), "rejected"),
    "receive": (("approved",), "received"),
    "refund": (("received",), "refunded"),
}

Units = dict[int, int]
"""Units by order detail."""


@dataclass
class Shipment:
    order: int
    units: Units
    status: str = "created"


@dataclass
class Return:
    order: int
    units: Units
    cents: int
    status: str = "requested"
    is_restocked: bool = False


@dataclass
class FulfillmentModel:
    """Orders with the units of their details, shipments and returns, by `id_key`. Amounts are cents.

    A method returns the expected status of a request and applies its effect if that is a success. `enter_…` adds a
    created object afterwards, because the server chooses the `id_key`.
    """

    statuses: dict[int, int] = field(default_factory=dict)
    ordered: dict[int, Units] = field(default_factory=dict)
    shipments: dict[int, Shipment] = field(default_factory=dict)
    returns: dict[int, Return] = field(default_factory=dict)
    prices: Units = field(default_factory=dict)
    discounts: Units = field(default_factory=dict)
    paid: Counter[int] = field(default_factory=Counter)
    refunded: Counter[int] = field(default_factory=Counter)
    payers: set[int] = field(default_factory=set)
    credited: dict[int, int] = field(default_factory=dict)
    sold: int = 0
    """Units of delivered orders that are deleted: they are back in no stock."""

    def enter_order(self, placed: Object) -> None:
        order = placed["order"]["id_key"]
        self.statuses[order] = PENDING
        self.ordered[order] = {detail["id_key"]: detail["quantity"] for detail in placed["order_details"]}
        self.prices |= {detail["id_key"]: round(detail["price"] * 100) for detail in placed["order_details"]}
        self.discounts[order] = round(placed["bill"]["discount"] * 100)

    def ship(self, order: int, units: Units | None) -> tuple[int, Units]:
        """Return the expected status and the units that ship; None stands for everything that is left."""
        left = Counter(self.ordered[order]) - self.shipped(order)
        wanted = dict(left) if units is None else units
        is_possible = self.statuses[order] in OPEN and wanted and all(left[key] >= wanted[key] for key in wanted)
        return (201 if is_possible else 409), wanted

    def enter_shipment(self, made: Object) -> None:
        units = {line["order_detail_id"]: line["quantity"] for line in made["lines"]}
        self.shipments[made["id_key"]] = Shipment(made["order_id"], units)
        self.statuses[made["order_id"]] = IN_PROGRESS

    def report(self, id_key: int, status: str) -> int:
        shipment = self.shipments[id_key]
        if shipment.status not in ON_THE_WAY:
            return 409
        shipment.status = status
        if status == "delivered" and self.shipped(shipment.order, ("delivered",)) == Counter(
            self.ordered[shipment.order]
        ):
            self.statuses[shipment.order] = DELIVERED
        return 201

    def change_status(self, order: int, status: int) -> int:
        before = self.statuses[order]
        if status == before:
            return 200
        is_allowed = before in OPEN and status > before
        if not is_allowed or self.has(order, {CANCELED: SHIPPED, DELIVERED: ON_THE_WAY}.get(status, ())):
            return 409
        if status == CANCELED and self.paid[order] > self.refunded[order]:
            return 409
        self.statuses[order] = status
        return 200

    def change_detail(self, order: int, detail: int, quantity: int) -> int:
        if quantity == self.ordered[order][detail]:
            return 200
        if self.statuses[order] not in OPEN or quantity < self.shipped(order)[detail] or self.paid[order]:
            return 409
        self.ordered[order][detail] = quantity
        return 200

    def delete_detail(self, order: int, detail: int) -> int:
        if self.statuses[order] not in OPEN or self.shipped(order)[detail] or len(self.ordered[order]) == 1:
            return 409
        if self.paid[order]:
            return 409
        del self.ordered[order][detail]
        for shipment in self.shipments.values():
            shipment.units.pop(detail, None)
        return 204

    def delete_order(self, order: int) -> int:
        others: list[Shipment | Return] = [*self.shipments.values(), *self.returns.values()]
        if order in self.payers or any(one.order == order for one in others):
            return 409
        if self.statuses[order] == DELIVERED:
            self.sold += sum(self.ordered[order].values())
        del self.statuses[order], self.ordered[order]
        return 204

    def units_out_of_stock(self) -> int:
        held = (sum(units.values()) for order, units in self.ordered.items() if self.statuses[order] != CANCELED)
        back = (sum(one.units.values()) for one in self.returns.values() if one.is_restocked)
        return self.sold + sum(held) - sum(back)

    def total(self, order: int) -> int:
        return sum(self.prices[key] * units for key, units in self.ordered[order].items()) - self.discounts[order]

    def pay(self, order: int, cents: int) -> int:
        if self.statuses[order] == CANCELED or cents > self.total(order) - self.paid[order]:
            return 409
        self.paid[order] += cents
        self.payers.add(order)
        return 201

    def request(self, order: int, units: Units) -> tuple[int, int]:
        """Return the expected status and the amount of the return."""
        left = self.returnable(order)
        if self.statuses[order] != DELIVERED or any(units[key] > left[key] for key in units):
            return 409, 0
        others = sum(one.cents for one in self.returns.values() if one.order == order and one.status != "rejected")
        rest = self.total(order) - others
        if left == Counter(units):
            return 201, rest
        value = sum(self.prices[key] * quantity for key, quantity in units.items())
        gross = self.total(order) + self.discounts[order]
        share = (2 * self.discounts[order] * value + gross) // (2 * gross)  # rounds half up
        return 201, min(value - share, rest)

    def enter_return(self, made: Object) -> None:
        units = {line["order_detail_id"]: line["quantity"] for line in made["lines"]}
        self.returns[made["id_key"]] = Return(made["order_id"], units, round(made["amount"] * 100))

    def step(self, id_key: int, step: str, *, restock: bool) -> int:
        one = self.returns[id_key]
        before, after = STEPS[step]
        if one.status not in before:
            return 409
        if step == "refund":
            amount = min(one.cents, self.paid[one.order] - self.refunded[one.order])
            if not amount:
                return 409
            self.refunded[one.order] += amount
            self.credited[id_key] = amount
        one.status, one.is_restocked = after, one.is_restocked or (step == "receive" and restock)
        return 200

    def returnable(self, order: int) -> Counter[int]:
        left = Counter(self.ordered[order])
        for one in self.returns.values():
            if one.order == order and one.status != "rejected":
                left -= Counter(one.units)
        return left

    def has(self, order: int, statuses: tuple[str, ...]) -> bool:
        return any(one.order == order and one.status in statuses for one in self.shipments.values())

    def shipped(self, order: int, statuses: tuple[str, ...] = SHIPPED) -> Counter[int]:
        units = Counter[int]()
        for shipment in self.shipments.values():
            if shipment.order == order and shipment.status in statuses:
                units.update(shipment.units)
        return units
