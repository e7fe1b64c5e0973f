import { useQuery } from "@tanstack/react-query";
import {
  Create,
  DataTable,
  DateField,
  EmailField,
  Labeled,
  RecordContextProvider,
  NumberField,
  ReferenceManyField,
  SearchInput,
  SimpleForm,
  TextInput,
  useRecordContext,
  usePermissions,
  required,
  email,
} from "react-admin";

import { asRecord } from "../api/dataProvider";
import { call } from "../api/shop";
import { fullName, StatusChip } from "../components/fields";
import { Row } from "../components/Row";
import { Section } from "../components/Section";
import { ShopEdit } from "../components/ShopEdit";
import { ShopList } from "../components/ShopList";
import { MONEY } from "../formats";

const filters = [<SearchInput key="q" source="q" alwaysOn />, <TextInput key="email" source="email" />];

export const ClientList = () => (
  <ShopList filters={filters} exports click="edit" primary={(client) => fullName(client as never)} secondary={(client) => client.email}>
    <DataTable.Col source="id" />
    <DataTable.Col source="name" />
    <DataTable.Col source="lastname" label="Last name" />
    <DataTable.Col source="email" disableSort field={EmailField} />
    <DataTable.Col source="telephone" disableSort />
  </ShopList>
);

const inputs = (
  <>
    <TextInput source="name" validate={required()} />
    <TextInput source="lastname" label="Last name" validate={required()} />
    <TextInput source="email" type="email" validate={[required(), email()]} />
    <TextInput source="telephone" parse={(text: string) => text || null} />
  </>
);

export function ClientEdit() {
  const { permissions } = usePermissions();
  return (
    <ShopEdit canDelete={permissions !== "client"}>
      {inputs}
      <Summary />
      <Section title="Latest orders">
        <ReferenceManyField reference="orders" target="client_id" sort={{ field: "id", order: "DESC" }} perPage={10}>
          <DataTable bulkActionButtons={false} rowClick="show">
            <DataTable.Col source="id" disableSort />
            <DataTable.Col source="date" disableSort field={DateField} />
            <DataTable.Col source="status" disableSort render={(order) => <StatusChip status={order.status} />} />
            <DataTable.NumberCol source="total" disableSort options={MONEY} />
          </DataTable>
        </ReferenceManyField>
      </Section>
    </ShopEdit>
  );
}

export const ClientCreate = () => (
  <Create redirect="edit">
    <SimpleForm>{inputs}</SimpleForm>
  </Create>
);

interface SummaryBody {
  orders_count: number;
  total_spent: number;
  last_order_date: string | null;
}

function Summary() {
  const client = useRecordContext();
  const path = `/clients/${client?.id}/summary`;
  const { data } = useQuery({
    queryKey: ["clients", "summary", client?.id],
    queryFn: async () => (await call<SummaryBody>("GET", path, { query: { include: "payments" } })).data,
    enabled: !!client,
  });
  if (!data || !client) return null;
  return (
    <RecordContextProvider value={asRecord({ ...data, id_key: Number(client.id) })}>
      <Row>
        <Labeled>
          <NumberField source="orders_count" label="Orders" />
        </Labeled>
        <Labeled>
          <NumberField source="total_spent" options={MONEY} />
        </Labeled>
        <Labeled>
          <NumberField source="captured" label="Paid" options={MONEY} />
        </Labeled>
        <Labeled>
          <DateField source="last_order_date" label="Last order" emptyText="–" />
        </Labeled>
      </Row>
    </RecordContextProvider>
  );
}
