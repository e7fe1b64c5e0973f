from enum import StrEnum


class OrdersExportAllSort(StrEnum):
    DATE = "date"
    ID_KEY = "id_key"
    VALUE_1 = "-id_key"
    VALUE_3 = "-date"

    def __str__(self) -> str:
        return str(self.value)
