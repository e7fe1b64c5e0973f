import { DataTable, DateField, DateInput, SelectInput, TextInput } from "react-admin";

import { ShopList } from "../components/ShopList";

const METHODS = ["POST", "PUT", "PATCH", "DELETE", "GET"].map((id) => ({ id, name: id }));

const filters = [
  <TextInput key="path" source="path" alwaysOn />,
  <TextInput key="principal" source="principal" label="Caller" />,
  <SelectInput key="method" source="method" choices={METHODS} />,
  <DateInput key="from" source="date_from" label="From" />,
  <DateInput key="to" source="date_to" label="To" />,
];

export const AuditList = () => (
  <ShopList
    filters={filters}
    click={false}
    primary={(entry) => `${entry.method} ${entry.path}`}
    secondary={(entry) => `${entry.principal}: ${entry.status}`}
  >
    <DataTable.Col source="id" />
    <DataTable.Col source="created_at" label="Time" disableSort>
      <DateField source="created_at" showTime />
    </DataTable.Col>
    <DataTable.Col source="principal" label="Caller" disableSort />
    <DataTable.Col source="method" disableSort />
    <DataTable.Col source="path" disableSort />
    <DataTable.NumberCol source="status" disableSort />
    <DataTable.NumberCol source="times" disableSort />
    <DataTable.Col source="request_id" label="Request" disableSort />
  </ShopList>
);
