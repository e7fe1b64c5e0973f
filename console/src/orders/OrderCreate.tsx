import { Typography } from "@mui/material";
import {
  ArrayInput,
  Create,
  NumberInput,
  SelectInput,
  SimpleForm,
  SimpleFormIterator,
  required,
  useGetMany,
} from "react-admin";
import { useWatch } from "react-hook-form";

import { DELIVERY_METHODS, PAYMENT_TYPES } from "../choices";
import { MoneyInput, SearchedInput } from "../components/fields";
import { money } from "../formats";

const DEFAULTS = { delivery_method: 1, payment_type: "card", items: [{ quantity: 1 }] };

/** A checkout: the whole order, or nothing. */
export const OrderCreate = () => (
  <Create redirect="show" title="New order">
    <SimpleForm defaultValues={DEFAULTS}>
      <SearchedInput source="client_id" reference="clients" label="Client" />
      <SelectInput source="delivery_method" choices={DELIVERY_METHODS} validate={required()} />
      <SelectInput source="payment_type" choices={PAYMENT_TYPES} validate={required()} />
      <ArrayInput source="items" label="Products" validate={required()}>
        <SimpleFormIterator inline disableReordering disableClear>
          <SearchedInput source="product_id" reference="products" label="Product" />
          <NumberInput source="quantity" min={1} step={1} validate={required()} />
        </SimpleFormIterator>
      </ArrayInput>
      <MoneyInput source="discount" />
      <Total />
    </SimpleForm>
  </Create>
);

interface Item {
  product_id?: number;
  quantity?: number;
}

/** The total that the service will compute from the prices that were read last. */
function Total() {
  const items: Item[] = useWatch({ name: "items" }) ?? [];
  const discount: number = useWatch({ name: "discount" }) ?? 0;
  const ids = items.flatMap(({ product_id }) => product_id ?? []);
  const { data: products = [] } = useGetMany("products", { ids }, { enabled: ids.length > 0 });
  const price = (id?: number) => Number(products.find((product) => product?.id === id)?.price ?? 0);
  const sum = items.reduce((total, item) => total + price(item.product_id) * (item.quantity ?? 0), 0);
  return <Typography variant="h6" component="p">{`Total: ${money(sum - discount)}`}</Typography>;
}
