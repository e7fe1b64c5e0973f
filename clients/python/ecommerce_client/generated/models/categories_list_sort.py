from enum import StrEnum


class CategoriesListSort(StrEnum):
    ID_KEY = "id_key"
    NAME = "name"
    VALUE_1 = "-id_key"
    VALUE_3 = "-name"

    def __str__(self) -> str:
        return str(self.value)
