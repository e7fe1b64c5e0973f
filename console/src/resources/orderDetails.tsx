import { Create, DataTable, NumberInput, SimpleForm, required } from "react-admin";
import { useSearchParams } from "react-router-dom";

import { OrderField, ProductField, SearchedInput } from "../components/fields";
import { ShopEdit } from "../components/ShopEdit";
import { ShopList } from "../components/ShopList";
import { MONEY } from "../formats";

const filters = [
  <NumberInput key="order" source="order_id" label="Order" />,
  <SearchedInput key="product" source="product_id" reference="products" label="Product" optional />,
];

export const OrderDetailList = () => (
  <ShopList
    filters={filters}
    exports
    primary={(line) => `Order ${line.order_id}`}
    secondary={(line) => `${line.quantity} of product ${line.product_id}`}
  >
    <DataTable.Col source="id" />
    <DataTable.Col source="order_id" label="Order" disableSort field={OrderField} />
    <DataTable.Col source="product_id" label="Product" disableSort field={ProductField} />
    <DataTable.NumberCol source="quantity" disableSort />
    <DataTable.NumberCol source="price" disableSort options={MONEY} />
  </ShopList>
);

const inputs = (
  <>
    <SearchedInput source="product_id" reference="products" label="Product" />
    <NumberInput source="quantity" min={1} validate={required()} />
  </>
);

const toOrder = (_: unknown, __: unknown, line?: { order_id?: number }) => `orders/${line?.order_id}/show`;

export const OrderDetailEdit = () => <ShopEdit redirect={toOrder as never}>{inputs}</ShopEdit>;

/** A new line of the order in the address: `#/order_details/create?order=5`. */
export function OrderDetailCreate() {
  const [parameters] = useSearchParams();
  const order = Number(parameters.get("order"));
  return (
    <Create redirect={`orders/${order}/show` as never} transform={(line: object) => ({ ...line, order_id: order })}>
      <SimpleForm>{inputs}</SimpleForm>
    </Create>
  );
}
