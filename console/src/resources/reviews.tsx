import { Create, DataTable, NumberInput, SimpleForm, TextInput, required } from "react-admin";

import { ProductField, SearchedInput } from "../components/fields";
import { ShopEdit } from "../components/ShopEdit";
import { ShopList } from "../components/ShopList";

const filters = [
  <SearchedInput key="product" source="product_id" reference="products" label="Product" optional />,
  <NumberInput key="min" source="min_rating" label="Rating from" />,
  <NumberInput key="max" source="max_rating" label="Rating to" />,
];

export const ReviewList = () => (
  <ShopList filters={filters} exports primary={(review) => `${review.rating} of 5`} secondary={(review) => review.comment}>
    <DataTable.Col source="id" />
    <DataTable.Col source="product_id" label="Product" disableSort field={ProductField} />
    <DataTable.NumberCol source="rating" />
    <DataTable.Col source="comment" disableSort />
  </ShopList>
);

const inputs = (
  <>
    <SearchedInput source="product_id" reference="products" label="Product" />
    <NumberInput source="rating" min={0} max={5} step={0.5} validate={required()} />
    <TextInput source="comment" multiline parse={(text: string) => text || null} />
  </>
);

export const ReviewEdit = () => <ShopEdit>{inputs}</ShopEdit>;

export const ReviewCreate = () => (
  <Create redirect="list">
    <SimpleForm>{inputs}</SimpleForm>
  </Create>
);
