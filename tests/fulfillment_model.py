"""Small model of an order's way to the client: the expected status of each request, and the state afterwards."""

from collections import Counter
from dataclasses import dataclass, field

from tests.factories import Object

PENDING, IN_PROGRESS, DELIVERED, CANCELED = 1, 2, 3, 4
OPEN = (PENDING, IN_PROGRESS)
ON_THE_WAY = ("created", "picked_up", "in_transit", "out_for_delivery")
SHIPPED = (*ON_THE_WAY, "delivered")

Units = dict[int, int]
"""Units by order detail."""


@dataclass
class Shipment:
    order: int
    units: Units
    status: str = "created"


@dataclass
class FulfillmentModel:
    """Orders with the units of their details, and their shipments, by `id_key`.

    A method returns the expected status of a request and applies its effect if that is a success. `enter_…` adds a
    created object afterwards, because the server chooses the `id_key`.
    """

    statuses: dict[int, int] = field(default_factory=dict)
    ordered: dict[int, Units] = field(default_factory=dict)
    shipments: dict[int, Shipment] = field(default_factory=dict)
    sold: int = 0
    """Units of delivered orders that are deleted: they are back in no stock."""

    def enter_order(self, placed: Object) -> None:
        order = placed["order"]["id_key"]
        self.statuses[order] = PENDING
        self.ordered[order] = {detail["id_key"]: detail["quantity"] for detail in placed["order_details"]}

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
        self.statuses[order] = status
        return 200

    def change_detail(self, order: int, detail: int, quantity: int) -> int:
        if quantity == self.ordered[order][detail]:
            return 200
        if self.statuses[order] not in OPEN or quantity < self.shipped(order)[detail]:
            return 409
        self.ordered[order][detail] = quantity
        return 200

    def delete_detail(self, order: int, detail: int) -> int:
        if self.statuses[order] not in OPEN or self.shipped(order)[detail] or len(self.ordered[order]) == 1:
            return 409
        del self.ordered[order][detail]
        for shipment in self.shipments.values():
            shipment.units.pop(detail, None)
        return 204

    def delete_order(self, order: int) -> int:
        if any(shipment.order == order for shipment in self.shipments.values()):
            return 409
        if self.statuses[order] == DELIVERED:
            self.sold += sum(self.ordered[order].values())
        del self.statuses[order], self.ordered[order]
        return 204

    def units_out_of_stock(self) -> int:
        held = (sum(units.values()) for order, units in self.ordered.items() if self.statuses[order] != CANCELED)
        return self.sold + sum(held)

    def has(self, order: int, statuses: tuple[str, ...]) -> bool:
        return any(one.order == order and one.status in statuses for one in self.shipments.values())

    def shipped(self, order: int, statuses: tuple[str, ...] = SHIPPED) -> Counter[int]:
        units = Counter[int]()
        for shipment in self.shipments.values():
            if shipment.order == order and shipment.status in statuses:
                units.update(shipment.units)
        return units
