"""SQL of shipments: their lines, the units that are left of an order, and the tracking of an order."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import bindparam, delete, exists, func, literal_column, select

from models.enums import ShipmentStatus
from models.fulfillment.shipment import ShipmentEventModel, ShipmentLineModel, ShipmentModel
from models.order_detail import OrderDetailModel
from repositories.base_repository_impl import BaseRepository
from repositories.fulfillment.order_lines import insert_with_lines
from repositories.statements.statement import Statement, columns_of, compiled
from repositories.transaction import Values
from schemas.fulfillment.shipment_schema import ShipmentEventSchema, ShipmentSchema

SHIPMENT, EVENT = tuple(ShipmentSchema.model_fields), tuple(ShipmentEventSchema.model_fields)
_line: Any = ShipmentLineModel
_TRACKING = compiled(
    select(*columns_of(ShipmentModel, SHIPMENT), *columns_of(ShipmentEventModel, EVENT))
    .outerjoin(ShipmentEventModel, ShipmentEventModel.shipment_id == ShipmentModel.id_key)
    .where(ShipmentModel.order_id == bindparam("order_id"))
    .order_by(ShipmentModel.id_key, ShipmentEventModel.occurred_at, ShipmentEventModel.id_key)
)


class ShipmentRepository(BaseRepository[ShipmentModel]):
    """Shipments change only under the lock of their order. The methods that count units need that lock."""

    model = ShipmentModel

    def add(self, values: Values, units: Mapping[int, int]) -> ShipmentModel:
        """Make a shipment of `units` by order detail."""
        id_key = insert_with_lines(self.session, ShipmentModel, ShipmentLineModel, values, units)
        self.record_change(id_key)
        return self.session.get_one(ShipmentModel, id_key)

    def units_left(self, order_id: int, statuses: Collection[ShipmentStatus]) -> dict[int, int]:
        """Return the units of each detail that are in no shipment with one of these statuses."""
        detail = OrderDetailModel
        in_shipments = self._units(statuses).where(_line.order_detail_id == detail.id_key).scalar_subquery()
        statement = select(detail.id_key, detail.quantity - in_shipments).where(detail.order_id == order_id)
        return {id_key: int(units) for id_key, units in self.session.execute(statement.order_by(detail.id_key))}

    def units_of(self, order_detail_id: int, statuses: Collection[ShipmentStatus]) -> int:
        """Return the units of a detail in shipments with one of these statuses."""
        units = self.session.scalar(self._units(statuses).where(_line.order_detail_id == order_detail_id))
        return int(units or 0)

    def exists(self, order_id: int, statuses: Collection[ShipmentStatus] = tuple(ShipmentStatus)) -> bool:
        """Return True if the order has a shipment with one of these statuses."""
        is_found = exists().where(ShipmentModel.order_id == order_id, ShipmentModel.status.in_(statuses))
        return bool(self.session.scalar(select(is_found)))

    def remove_lines(self, order_detail_id: int) -> None:
        """Remove a detail's lines from its shipments, whose goods are back, before it leaves its order."""
        self.session.execute(delete(ShipmentLineModel).where(_line.order_detail_id == order_detail_id))

    @staticmethod
    def tracking(order_id: int) -> Statement:
        """Return the statement that reads the order's shipments with their events: a row for each event."""
        return Statement(_TRACKING, {"order_id": order_id})

    @staticmethod
    def _units(statuses: Collection[ShipmentStatus]) -> Any:
        return (
            select(func.coalesce(func.sum(_line.quantity), literal_column("0")))
            .join(ShipmentModel, ShipmentModel.id_key == _line.shipment_id)
            .where(ShipmentModel.status.in_(statuses))
        )


class ShipmentEventRepository(BaseRepository[ShipmentEventModel]):
    model = ShipmentEventModel
