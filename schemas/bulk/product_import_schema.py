"""Schemas of imports of products."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.base_schema import MAX_KEY, BaseSchema, IdKey, absent
from schemas.bulk.export_schema import ExportFormat
from schemas.product_schema import ProductUpdate

MAX_ERRORS = 100
"""Errors in one response."""


class ProductLine(ProductUpdate):
    """One line of a file. Restored units may have lifted the stock of an exported product above the bound for input."""

    model_config = ConfigDict(extra="forbid")

    id_key: IdKey = absent()
    stock: Annotated[int, Field(strict=True, ge=0, le=MAX_KEY)] = absent()
    archived: Annotated[bool, Field(strict=True)] = absent()


class ImportQuery(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    format: Annotated[
        ExportFormat | None, Field(description="Default: that of the `Content-Type`, and CSV without one.")
    ] = None
    dry_run: Annotated[bool, Field(description="`true`: check and count, and change nothing.")] = False
    set_stock: Annotated[
        bool, Field(description="`true`: set the stock of existing products, too. This undoes sales since the export.")
    ] = False


class ImportedFile(BaseSchema):
    """Identity of a request that imports a file."""

    sha256: str
    format: ExportFormat
    dry_run: bool
    set_stock: bool


class ImportLineError(BaseSchema):
    line: int = Field(description="Line of the file. The header of CSV is line 1.", examples=[2])
    detail: str = Field(examples=["price: Input should be greater than 0"])


class ImportResult(BaseSchema):
    created: int = Field(description="New products.", examples=[1])
    updated: int = Field(description="Changed products.", examples=[2])
    unchanged: int = Field(description="Products that the file does not change.", examples=[997])
    errors: list[ImportLineError] = Field(max_length=0, description="Empty: a file with errors changes nothing.")


class ImportErrors(BaseSchema):
    errors: list[ImportLineError] = Field(description=f"The first {MAX_ERRORS}. Nothing has changed.")


Step = Literal["checked", "written"]
