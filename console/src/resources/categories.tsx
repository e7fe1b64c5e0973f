import { Create, DataTable, ReferenceManyField, SearchInput, SimpleForm, TextInput, required } from "react-admin";

import { Section } from "../components/Section";
import { ShopEdit } from "../components/ShopEdit";
import { ShopList } from "../components/ShopList";
import { MONEY } from "../formats";

const filters = [<SearchInput key="q" source="q" alwaysOn />];

export const CategoryList = () => (
  <ShopList filters={filters} exports primary={(category) => category.name}>
    <DataTable.Col source="id" />
    <DataTable.Col source="name" />
  </ShopList>
);

export const CategoryEdit = () => (
  <ShopEdit>
    <TextInput source="name" validate={required()} />
    <Section title="Products">
      <ReferenceManyField reference="products" target="category_id" sort={{ field: "name", order: "ASC" }} perPage={10}>
        <DataTable bulkActionButtons={false} rowClick="show">
          <DataTable.Col source="name" disableSort />
          <DataTable.NumberCol source="price" disableSort options={MONEY} />
          <DataTable.NumberCol source="stock" disableSort />
        </DataTable>
      </ReferenceManyField>
    </Section>
  </ShopEdit>
);

export const CategoryCreate = () => (
  <Create redirect="list">
    <SimpleForm>
      <TextInput source="name" validate={required()} />
    </SimpleForm>
  </Create>
);
