"""Reviews have no rules beyond their schema."""

from models.review import ReviewModel
from repositories.review_repository import ReviewRepository
from schemas.review_schema import ReviewCreate, ReviewSchema, ReviewUpdate
from services.base_service_impl import BaseService


class ReviewService(BaseService[ReviewModel, ReviewCreate, ReviewUpdate, ReviewSchema]):
    repository = ReviewRepository
    schema = ReviewSchema
