from enum import StrEnum


class ProductsExportAllSort(StrEnum):
    ID_KEY = "id_key"
    NAME = "name"
    PRICE = "price"
    STOCK = "stock"
    VALUE_1 = "-id_key"
    VALUE_3 = "-name"
    VALUE_5 = "-price"
    VALUE_7 = "-stock"

    def __str__(self) -> str:
        return str(self.value)
