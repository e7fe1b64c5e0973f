"""The rules of reviews: none beyond the schema's."""

from models.review import ReviewModel
from repositories.review_repository import ReviewRepository
from schemas.review_schema import ReviewCreate, ReviewSchema, ReviewUpdate
from services.base_service_impl import BaseService


class ReviewService(BaseService[ReviewModel, ReviewCreate, ReviewUpdate, ReviewSchema]):
    repository = ReviewRepository
    schema = ReviewSchema
