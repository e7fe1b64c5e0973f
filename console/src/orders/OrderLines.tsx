import AddIcon from "@mui/icons-material/Add";
import { Button, DataTable, DeleteButton, EditButton, ReferenceManyField, useRecordContext } from "react-admin";
import { Link } from "react-router-dom";

import { NEXT_STATUSES } from "../choices";
import { ProductField } from "../components/fields";
import { Section } from "../components/Section";
import { MONEY, money } from "../formats";

export function OrderLines({ isAdmin }: { isAdmin: boolean }) {
  const order = useRecordContext();
  if (!order) return null;
  const canChange = isAdmin && order.status in NEXT_STATUSES;
  const add = (
    <Button component={Link} to={`/order_details/create?order=${order.id}`} label="Add a product">
      <AddIcon />
    </Button>
  );
  return (
    <Section title="Products" actions={canChange && add}>
      <ReferenceManyField reference="order_details" target="order_id" perPage={500} sort={{ field: "id", order: "ASC" }}>
        <DataTable bulkActionButtons={false} rowClick={false}>
          <DataTable.Col source="product_id" label="Product" disableSort field={ProductField} sx={{ minWidth: 140 }} />
          <DataTable.NumberCol source="quantity" disableSort />
          <DataTable.NumberCol source="price" disableSort options={MONEY} />
          <DataTable.Col label="Sum" align="right" disableSort render={(line) => money(line.price * line.quantity)} />
          {canChange && (
            <DataTable.Col label="Actions" disableSort>
              <EditButton />
              <DeleteButton mutationMode="pessimistic" redirect={false} />
            </DataTable.Col>
          )}
        </DataTable>
      </ReferenceManyField>
    </Section>
  );
}
