from enum import StrEnum


class ClientsExportAllSort(StrEnum):
    ID_KEY = "id_key"
    LASTNAME = "lastname"
    NAME = "name"
    VALUE_1 = "-id_key"
    VALUE_3 = "-name"
    VALUE_5 = "-lastname"

    def __str__(self) -> str:
        return str(self.value)
