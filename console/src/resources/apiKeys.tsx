import { Alert, AlertTitle } from "@mui/material";
import { useState } from "react";
import {
  BooleanInput,
  Create,
  DataTable,
  DateField,
  DateTimeInput,
  FormDataConsumer,
  SelectInput,
  SimpleForm,
  TextInput,
  required,
  useNotify,
  useRecordContext,
  useRedirect,
  type RaRecord,
} from "react-admin";

import { call } from "../api/shop";
import { ActionButton } from "../components/ActionButton";
import { ClientField, SearchedInput } from "../components/fields";
import { ShopList } from "../components/ShopList";

const ROLES = [
  { id: "admin", name: "Admin" },
  { id: "client", name: "Client" },
];

const filters = [
  <SelectInput key="role" source="role" choices={ROLES} />,
  <TextInput key="name" source="name" />,
  <BooleanInput key="revoked" source="revoked" label="Revoked" />,
];

const DateTime = ({ source }: { source: string }) => <DateField source={source} showTime emptyText="–" />;

export const ApiKeyList = () => (
  <ShopList
    filters={filters}
    click={false}
    primary={(key) => `${key.name} (${key.role})`}
    secondary={(key) => key.description ?? "–"}
  >
    <DataTable.Col source="name" disableSort />
    <DataTable.Col source="role" disableSort />
    <DataTable.Col source="client_id" label="Client" disableSort field={ClientField} />
    <DataTable.Col source="description" disableSort />
    <DataTable.Col source="scopes" disableSort render={(key) => key.scopes?.join(", ") ?? "all"} />
    {["last_used_at", "expires_at"].map((source) => (
      <DataTable.Col key={source} source={source} disableSort>
        <DateTime source={source} />
      </DataTable.Col>
    ))}
    <DataTable.Col label="Actions" disableSort>
      <Revoke />
    </DataTable.Col>
  </ShopList>
);

function Revoke() {
  const key = useRecordContext();
  if (!key || key.revoked_at) return null;
  const run = () => call("DELETE", `/api_keys/${key.id}`);
  const question = `Programs that use the key ${key.name} are refused within seconds.`;
  return <ActionButton label="Revoke" color="error" confirm={question} run={run} done="The key is revoked" />;
}

/** The secret is shown once, and nothing stores it. */
export function ApiKeyCreate() {
  const [created, setCreated] = useState<RaRecord>();
  const redirect = useRedirect();
  const notify = useNotify();
  if (created)
    return (
      <Alert severity="success" sx={{ mt: 2 }} onClose={() => redirect("list", "api_keys")}>
        <AlertTitle>Key {created.name}</AlertTitle>
        <code style={{ overflowWrap: "anywhere" }}>{created.key}</code>
        <p>Copy it now. It is not shown again.</p>
      </Alert>
    );
  const onSuccess = (key: RaRecord) => {
    notify("The key is created", { type: "success" });
    setCreated(key);
  };
  return (
    <Create mutationOptions={{ onSuccess }} redirect={false} transform={asBody}>
      <SimpleForm>
        <SelectInput source="role" choices={ROLES} defaultValue="admin" validate={required()} />
        <FormDataConsumer>
          {({ formData }) =>
            formData.role === "client" && <SearchedInput source="client_id" reference="clients" label="Client" />
          }
        </FormDataConsumer>
        <TextInput source="description" />
        <TextInput source="scopes" helperText="Separated by spaces, such as read or orders:write. Empty: all." />
        <TextInput source="networks" helperText="Separated by spaces, such as 192.0.2.0/24. Empty: all." />
        <DateTimeInput source="expires_at" />
      </SimpleForm>
    </Create>
  );
}

const words = (text?: string) => text?.split(/\s+/).filter(Boolean);

function asBody({ scopes, networks, client_id, ...key }: Record<string, never>) {
  const owner = key.role === "client" ? { client_id } : {};
  return { ...key, ...owner, scopes: words(scopes) ?? null, networks: words(networks) ?? null };
}
