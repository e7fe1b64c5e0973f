"""Query of an export: the filters and the order of the resource's list, without pages."""

from typing import Annotated, Any, Literal

from pydantic import Field, create_model

from schemas.list_query import ListQuery

ExportFormat = Literal["csv", "ndjson"]
FORMAT = Field(description="CSV with a header line, or one JSON object a line.")


def export_query(filters: type[ListQuery]) -> type[ListQuery]:
    """Return the query model of an export: `format` instead of the parameters of pages, which are refused."""
    no_pages: dict[str, Any] = dict.fromkeys(("skip", "limit", "after_id", "count", "safe_since"), (None, None))
    return create_model(
        f"{filters.__name__}Export", __base__=filters, format=(Annotated[ExportFormat, FORMAT], "csv"), **no_pages
    )
