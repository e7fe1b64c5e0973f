from enum import StrEnum


class ShipmentsListSort(StrEnum):
    ID_KEY = "id_key"
    VALUE_1 = "-id_key"

    def __str__(self) -> str:
        return str(self.value)
