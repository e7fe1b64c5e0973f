"""Schemas of error responses."""

from pydantic import BaseModel, Field


class NotFoundBody(BaseModel):
    message: str = Field(examples=["Product with id 999 not found"])


class ErrorBody(BaseModel):
    detail: str


class ShortProduct(BaseModel):
    product_id: int
    requested: int
    available: int


class RefusalBody(ErrorBody):
    errors: list[ShortProduct] | None = Field(None, description="Every product that is short, when that is the reason.")


class RateLimitBody(ErrorBody):
    retry_after: int = Field(examples=[45], description="Seconds, as in `Retry-After`.")


class FieldError(BaseModel):
    loc: list[str | int] = Field(examples=[["body", "price"]])
    msg: str = Field(examples=["Input should be greater than 0"])
    type: str = Field(examples=["greater_than"])


class ValidationErrors(BaseModel):
    detail: list[FieldError]
