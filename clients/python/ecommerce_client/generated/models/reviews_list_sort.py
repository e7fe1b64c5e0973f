from enum import StrEnum


class ReviewsListSort(StrEnum):
    ID_KEY = "id_key"
    RATING = "rating"
    VALUE_1 = "-id_key"
    VALUE_3 = "-rating"

    def __str__(self) -> str:
        return str(self.value)
