import {
  BooleanInput,
  Create,
  DataTable,
  NullableBooleanInput,
  NumberInput,
  ReferenceInput,
  SearchInput,
  SelectInput,
  SimpleForm,
  TextInput,
  required,
} from "react-admin";

import { CategoryField, MoneyInput } from "../components/fields";
import { ShopEdit } from "../components/ShopEdit";
import { ShopList } from "../components/ShopList";
import { MONEY, money } from "../formats";

const CategoryInput = ({ optional }: { optional?: boolean }) => (
  <ReferenceInput source="category_id" reference="categories" perPage={500} sort={{ field: "name", order: "ASC" }}>
    <SelectInput label="Category" validate={optional ? undefined : required()} />
  </ReferenceInput>
);

const filters = [
  <SearchInput key="q" source="q" alwaysOn />,
  <ReferenceInput
    key="category"
    source="category_id"
    reference="categories"
    perPage={500}
    sort={{ field: "name", order: "ASC" }}
  >
    <SelectInput label="Category" />
  </ReferenceInput>,
  <NullableBooleanInput key="stock" source="in_stock" label="In stock" />,
  <MoneyInput key="min" source="min_price" label="Price from" />,
  <MoneyInput key="max" source="max_price" label="Price to" />,
  <TextInput key="sku" source="sku" label="SKU (exact)" />,
  <BooleanInput key="archived" source="archived" label="Archived" />,
];

export const ProductList = () => (
  <ShopList
    filters={filters}
    exports
    click="show"
    primary={(product) => product.name}
    secondary={(product) => `${money(product.price)}, ${product.stock} in stock`}
  >
    <DataTable.Col source="id" />
    <DataTable.Col source="name" />
    <DataTable.Col source="sku" label="SKU" disableSort />
    <DataTable.Col source="category_id" label="Category" disableSort field={CategoryField} />
    <DataTable.NumberCol source="price" options={MONEY} />
    <DataTable.NumberCol source="stock" />
  </ShopList>
);

const inputs = (
  <>
    <TextInput source="name" validate={required()} />
    <TextInput source="sku" label="SKU" parse={(text: string) => text || null} />
    <CategoryInput />
    <MoneyInput source="price" validate={required()} />
    <NumberInput source="stock" min={0} step={1} validate={required()} />
  </>
);

export const ProductEdit = () => <ShopEdit redirect="show">{inputs}</ShopEdit>;

export const ProductCreate = () => (
  <Create redirect="show">
    <SimpleForm defaultValues={{ stock: 0 }}>{inputs}</SimpleForm>
  </Create>
);
