"""The rules of reviews: a client reviews each product at most once."""

from models.review import ReviewModel
from repositories.review_repository import ReviewRepository
from repositories.transaction import Values
from schemas.review_schema import ReviewCreate, ReviewSchema, ReviewUpdate
from services.base_service_impl import BaseService
from services.context.request_context import RequestContext


class ReviewService(BaseService[ReviewModel, ReviewCreate, ReviewUpdate, ReviewSchema]):
    repository = ReviewRepository
    schema = ReviewSchema
    unique_messages = {"uq_reviews_client_id_product_id": "Product {product_id} is already reviewed"}

    def before_save(self, context: RequestContext, new: ReviewCreate) -> Values:
        """Add the author: the caller, if it is a client."""
        return {**super().before_save(context, new), "client_id": context.principal.client_id}
