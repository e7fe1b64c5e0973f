"""SQL of review rows."""

from sqlalchemy import bindparam, func, select

from models.review import ReviewModel
from repositories.base_repository_impl import BaseRepository
from repositories.statements.statement import Statement, compiled

_RATING = compiled(
    select(func.avg(ReviewModel.rating), func.count()).where(ReviewModel.product_id == bindparam("product_id"))
)


class ReviewRepository(BaseRepository[ReviewModel]):
    model = ReviewModel

    @staticmethod
    def rating(product_id: int) -> Statement:
        """Return the statement that reads a product's average rating, null without reviews, and their number."""
        return Statement(_RATING, {"product_id": product_id})
