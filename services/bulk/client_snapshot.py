"""The rows of a client at one moment, written as a document."""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

from infrastructure.postgres.transaction import AsyncTransaction
from models.address import AddressModel
from models.bill import BillModel
from models.client import ClientModel
from models.fulfillment.credit_note import CreditNoteModel
from models.fulfillment.order_return import ReturnModel
from models.fulfillment.shipment import ShipmentEventModel, ShipmentModel
from models.fulfillment.shipping_address import ShippingAddressModel
from models.order import OrderModel, OrderStatusChangeModel
from models.order_detail import OrderDetailModel
from models.payments.payment import PaymentModel
from models.review import ReviewModel
from models.system.api_key import ApiKeyModel
from models.system.audit_entry import AuditEntryModel
from repositories.base_repository_impl import Record
from repositories.bulk.client_export_repository import PAGE, ClientExportRepository, Fields
from repositories.client_repository import ClientRepository
from repositories.statements.statement import Statement
from repositories.system.audit_entry_repository import AuditEntryRepository
from schemas.base_schema import to_json
from schemas.bulk import client_export_schema as schemas
from schemas.fulfillment.shipment_schema import ShipmentEventSchema
from schemas.order_schema import OrderStatusChange
from services.bulk.spooled_json import SpooledJson
from services.context.request_context import RequestContext
from services.exceptions import NotFoundError
from services.rendering import rows_to_dicts
from services.system.pseudonyms import ClientKey, readable

FIELDS: dict[Any, Fields] = {
    model: tuple(name for name in schema.model_fields if hasattr(model, name))
    for model, schema in (
        (ClientModel, schemas.ExportedClient),
        (AddressModel, schemas.ExportedAddress),
        (OrderModel, schemas.ExportedOrder),
        (BillModel, schemas.ExportedBill),
        (OrderDetailModel, schemas.ExportedOrderDetail),
        (OrderStatusChangeModel, OrderStatusChange),
        (ShippingAddressModel, schemas.ExportedShippingAddress),
        (ShipmentModel, schemas.ExportedShipment),
        (ShipmentEventModel, ShipmentEventSchema),
        (PaymentModel, schemas.ExportedPayment),
        (ReturnModel, schemas.ExportedReturn),
        (CreditNoteModel, schemas.ExportedCreditNote),
        (ReviewModel, schemas.ExportedReview),
        (ApiKeyModel, schemas.ExportedApiKey),
        (AuditEntryModel, schemas.ExportedAuditEntry),
    )
}

Pages = AsyncIterator[list[Record]]


class ClientSnapshot:
    """A client's rows as one transaction sees them, with one page of them in memory."""

    def __init__(self, transaction: AsyncTransaction, client_id: int) -> None:
        self._transaction, self._client_id = transaction, client_id

    async def write(self, context: RequestContext, document: SpooledJson) -> None:
        """Write the document. Raises NotFoundError, also for the client of another caller."""
        own = ClientRepository.one(self._client_id, FIELDS[ClientModel], context.principal.client_id)
        found = await self._read(own, FIELDS[ClientModel])
        if not found:
            raise not_found(self._client_id)
        api_keys = await self._read(
            ClientExportRepository.api_keys(FIELDS[ApiKeyModel], self._client_id), FIELDS[ApiKeyModel]
        )
        document.write(b'{"client":%b,"api_keys":%b' % (to_json(found[0]), to_json(api_keys)))
        await write_list(document, b"addresses", self._pages(AddressModel))
        await write_list(document, b"orders", self._order_pages())
        await write_list(document, b"reviews", self._pages(ReviewModel))
        await write_list(document, b"audit", self._audit_pages())
        document.write(b"}")

    def _pages(self, model: Any) -> Pages:
        fields = FIELDS[model]
        return self._paged(
            fields, lambda after_id: ClientExportRepository.page(model, fields, self._client_id, after_id)
        )

    async def _order_pages(self) -> Pages:
        async for orders in self._pages(OrderModel):
            keys = [order["id_key"] for order in orders]
            bills = await self._parts(BillModel, "id_key", {order["bill_id"] for order in orders})
            details = await self._parts(OrderDetailModel, "order_id", keys)
            history = await self._parts(OrderStatusChangeModel, "order_id", keys)
            addresses = await self._parts(ShippingAddressModel, "order_id", keys)
            shipments = await self._shipments(keys)
            payments = await self._parts(PaymentModel, "order_id", keys)
            returns = await self._returns(keys)
            for order in orders:
                id_key = order["id_key"]
                [order["bill"]] = bills[order["bill_id"]]
                [order["shipping_address"]] = addresses.get(id_key, [None])
                order["order_details"], order["shipments"] = details[id_key], shipments[id_key]
                order["history"], order["payments"] = history[id_key], payments[id_key]
                order["returns"] = returns[id_key]
            yield orders

    async def _returns(self, order_ids: Iterable[int]) -> dict[int, list[Record]]:
        returns = await self._parts(ReturnModel, "order_id", order_ids)
        made = [one for of_order in returns.values() for one in of_order]
        notes = await self._parts(CreditNoteModel, "return_id", [one["id_key"] for one in made])
        for one in made:
            [one["credit_note"]] = notes.get(one["id_key"], [None])
        return returns

    async def _shipments(self, order_ids: Iterable[int]) -> dict[int, list[Record]]:
        shipments = await self._parts(ShipmentModel, "order_id", order_ids)
        made = [shipment for of_order in shipments.values() for shipment in of_order]
        events = await self._parts(ShipmentEventModel, "shipment_id", [shipment["id_key"] for shipment in made])
        for shipment in made:
            shipment["events"] = events[shipment["id_key"]]
        return shipments

    async def _audit_pages(self) -> Pages:
        """Return entries about the client without their principals: some are people that work for the shop."""
        found = await self._transaction.run(*AuditEntryRepository.pseudonym(self._client_id))
        if not found:
            return
        [(pseudonym, key)] = found
        keys, fields = {pseudonym: ClientKey(self._client_id, bytes(key))}, ("principal", *FIELDS[AuditEntryModel])
        pages = self._paged(fields, lambda after_id: ClientExportRepository.audit_page(fields, pseudonym, after_id))
        async for entries in pages:
            shown = [readable(entry, keys) for entry in entries]
            yield [{name: entry[name] for name in FIELDS[AuditEntryModel]} for entry in shown]

    async def _paged(self, fields: Fields, page_after: Callable[[int], Statement]) -> Pages:
        after_id = 0
        while True:
            records = await self._read(page_after(after_id), fields)
            if records:
                yield records
            if len(records) < PAGE:
                return
            after_id = records[-1]["id_key"]

    async def _parts(self, model: Any, reference: str, id_keys: Iterable[int]) -> dict[int, list[Record]]:
        """Return the rows that belong to objects with these keys, by the key that their `reference` contains."""
        parts, fields = defaultdict[int, list[Record]](list), FIELDS[model]
        statement = ClientExportRepository.parts(model, (reference, *fields), reference, list(id_keys))
        for id_key, *values in await self._transaction.run(*statement):
            parts[id_key].append(dict(zip(fields, values, strict=True)))
        return parts

    async def _read(self, statement: Statement, fields: Fields) -> list[Record]:
        return rows_to_dicts(fields, await self._transaction.run(*statement))


async def write_list(document: SpooledJson, name: bytes, pages: Pages) -> None:
    document.write(b',"%b":[' % name)
    separator = b""
    async for records in pages:
        document.write(separator + to_json(records)[1:-1])
        separator = b","
    document.write(b"]")


def not_found(id_key: int) -> NotFoundError:
    return NotFoundError(ClientModel.entity_name(), id_key)
