"""Unpaid orders: each is canceled once, ORDER_HOLD_MINUTES after it was placed."""

import logging

from infrastructure.observability.metrics import metrics
from models.enums import OrderStatus
from repositories.order_repository import OrderRepository
from repositories.payments.order_hold_repository import OrderHoldRepository
from services.context.app_context import AppContext
from services.context.request_context import INTERNAL
from services.exceptions import ConflictError
from services.order_service import OrderService
from services.transactions.unit_of_work import TransactionalService, in_worker_thread

logger = logging.getLogger(__name__)

BATCH = 100


class OrderHold(TransactionalService):
    def __init__(self, app_context: AppContext) -> None:
        super().__init__(app_context)
        self.minutes = app_context.settings.order_hold_minutes
        self._is_noted = False

    async def check(self) -> None:
        """Cancel unpaid orders, if the setting is on."""
        if not self._is_noted:
            await self.enable()
            self._is_noted = True
        if self.minutes:
            await self.cancel_all()

    @in_worker_thread
    def enable(self) -> None:
        """Note in the database whether unpaid orders are canceled, and since when."""
        with self.unit_of_work(INTERNAL) as tx:
            OrderHoldRepository(tx).enable(is_on=self.minutes > 0)

    async def cancel_all(self) -> int:
        """Cancel a batch of unpaid orders, and return their number."""
        rows = await self.app_context.database.reads.fetch(*OrderHoldRepository.unpaid(self.minutes, BATCH))
        return sum([await self.cancel(id_key) for (id_key,) in rows])

    @in_worker_thread
    def cancel(self, id_key: int) -> bool:
        """Cancel the order as an admin would, unless it is paid, or canceled by another worker."""
        try:
            with self.unit_of_work(INTERNAL) as tx:
                orders = OrderRepository(tx)
                order = orders.lock(id_key)
                if order is None or not OrderHoldRepository(tx).is_unpaid(id_key, self.minutes):
                    return False
                canceled = {"status": OrderStatus.CANCELED}
                orders.update(order, OrderService(self.app_context).before_update(tx, INTERNAL, order, canceled))
        except ConflictError as error:
            logger.warning("order %d is unpaid, but cannot be canceled: %s", id_key, error)
            return False
        metrics.unpaid_order_canceled()
        logger.info("order %d is canceled: nobody has paid it in %d minutes", id_key, self.minutes)
        return True
