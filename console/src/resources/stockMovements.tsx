import { DataTable, DateField } from "react-admin";

import { labelOf } from "../choices";
import { ProductField, SearchedInput } from "../components/fields";
import { ShopList } from "../components/ShopList";

const filters = [
  <SearchedInput key="product" source="product_id" reference="products" label="Product" optional />,
];

export const movementColumns = [
  <DataTable.Col key="time" source="created_at" label="Time" disableSort>
    <DateField source="created_at" showTime />
  </DataTable.Col>,
  <DataTable.Col key="reason" source="reason" disableSort render={(movement) => labelOf(movement.reason)} />,
  <DataTable.NumberCol key="quantity" source="quantity" disableSort options={{ signDisplay: "always" }} />,
  <DataTable.NumberCol key="after" source="stock_after" label="Stock after" disableSort />,
  <DataTable.Col key="note" source="note" disableSort />,
];

export const StockMovementList = () => (
  <ShopList
    filters={filters}
    click={false}
    primary={(movement) => `${labelOf(movement.reason)}: ${movement.quantity}`}
    secondary={(movement) => `Product ${movement.product_id}, then ${movement.stock_after}`}
  >
    <DataTable.Col source="id" />
    <DataTable.Col source="product_id" label="Product" disableSort field={ProductField} />
    {movementColumns}
  </ShopList>
);
