import { Create, DataTable, SimpleForm, TextInput, required } from "react-admin";

import { ClientField, SearchedInput } from "../components/fields";
import { ShopEdit } from "../components/ShopEdit";
import { ShopList } from "../components/ShopList";

const filters = [
  <SearchedInput key="client" source="client_id" reference="clients" label="Client" optional />,
  <TextInput key="city" source="city" label="City (exact)" />,
  <TextInput key="street" source="street" label="Street (exact)" />,
];

export const AddressList = () => (
  <ShopList
    filters={filters}
    exports
    click="edit"
    primary={(address) => `${address.street} ${address.number ?? ""}`}
    secondary={(address) => address.city}
  >
    <DataTable.Col source="id" />
    <DataTable.Col source="street" disableSort />
    <DataTable.Col source="number" disableSort />
    <DataTable.Col source="city" disableSort />
    <DataTable.Col source="client_id" disableSort label="Client" field={ClientField} />
  </ShopList>
);

const inputs = (
  <>
    <TextInput source="street" validate={required()} />
    <TextInput source="number" parse={(text: string) => text || null} />
    <TextInput source="city" validate={required()} />
    <SearchedInput source="client_id" reference="clients" label="Client" />
  </>
);

export const AddressEdit = () => <ShopEdit>{inputs}</ShopEdit>;

export const AddressCreate = () => (
  <Create redirect="list">
    <SimpleForm>{inputs}</SimpleForm>
  </Create>
);
