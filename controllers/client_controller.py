"""Clients over HTTP."""

from typing import Annotated

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from controllers.base_controller_impl import BaseController
from controllers.http.access import CLIENTS, Access
from controllers.http.parameters import Context, PathId
from controllers.http.responses import document_response, json_response
from schemas.bulk.client_export_schema import ClientExport
from schemas.client_schema import (
    ClientCreate,
    ClientFilters,
    ClientSchema,
    ClientSummary,
    ClientSummaryWithPayments,
    ClientUpdate,
    SummaryQuery,
)
from services.bulk.client_export_service import ClientExportService
from services.client_service import ClientService

SUMMARY = ClientSummary | ClientSummaryWithPayments


class ClientController(BaseController[ClientCreate, ClientUpdate, ClientSchema]):
    """The people who buy."""

    prefix = "/clients"
    service = ClientService
    filters = ClientFilters
    access = Access(read=CLIENTS, change=CLIENTS)

    def add_routes(self) -> None:
        service, exports = ClientService(self.app_context), ClientExportService(self.app_context)

        async def summary(
            request: Request, context: Context, id_key: PathId, query: Annotated[SummaryQuery, Query()]
        ) -> Response:
            """Sum up the client's orders, without canceled ones."""
            return await json_response(request, await service.summary(context, id_key, query))

        async def export(request: Request, context: Context, id_key: PathId) -> Response:
            """Return everything that is stored about the client as one JSON document, as it was at one moment."""
            return document_response(request, await exports.export(context, id_key))

        self.add_read("/clients/{id_key}/summary", summary, "Sum up a client", SUMMARY, 404)
        self.add_read("/clients/{id_key}/export", export, "Export a client", ClientExport, 404)
