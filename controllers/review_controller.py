"""Reviews over HTTP."""

from controllers.base_controller_impl import BaseController, Parent
from controllers.http.access import CLIENTS, PUBLIC, Access
from schemas.review_schema import ReviewCreate, ReviewFilters, ReviewSchema, ReviewUpdate
from services.product_service import ProductService
from services.review_service import ReviewService


class ReviewController(BaseController[ReviewCreate, ReviewUpdate, ReviewSchema]):
    """Clients' opinions of products."""

    prefix = "/reviews"
    service = ReviewService
    filters = ReviewFilters
    parents = (Parent("/products", "product_id", ProductService),)
    access = Access(read=PUBLIC, create=CLIENTS)
