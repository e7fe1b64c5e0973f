import { Checkbox, FormControlLabel } from "@mui/material";
import { unwrap, type Schemas } from "ecommerce-client";
import { useState } from "react";
import { usePermissions, useRecordContext, type RaRecord } from "react-admin";

import { once } from "../api/idempotency";
import { shop } from "../api/shop";
import { ActionButton } from "../components/ActionButton";
import { FormDialog } from "../components/FormDialog";
import { Row } from "../components/Row";
import { money } from "../formats";

type Return = Schemas["ReturnSchema"] & RaRecord;
type Step = "approve" | "reject" | "refund";

/** The steps that a return's status allows. */
export function ReturnActions() {
  const found = useRecordContext<Return>();
  const { permissions } = usePermissions();
  if (!found || permissions === "client") return null;
  const { id_key: id, status, amount } = found;
  const question = `At most ${money(amount)} go back through the order's payments, with a credit note.`;
  return (
    <Row sx={{ gap: 0, whiteSpace: "nowrap" }}>
      {status === "requested" && <ActionButton label="Approve" run={take(id, "approve")} done="The return is approved" />}
      {status === "approved" && <Receive id={id} />}
      {["requested", "approved"].includes(status) && (
        <ActionButton
          label="Reject"
          color="error"
          confirm="Its units can be returned again."
          run={take(id, "reject")}
          done="The return is rejected"
        />
      )}
      {status === "received" && (
        <ActionButton label="Refund return" confirm={question} run={take(id, "refund")} done="The refund is on its way" />
      )}
    </Row>
  );
}

function Receive({ id }: { id: number }) {
  const [restock, setRestock] = useState(true);
  const receive = () =>
    once(JSON.stringify(["receive", id, restock]), (key) =>
      unwrap(shop.POST("/returns/{id_key}/receive", { params: paramsOf(id, key), body: { restock } })),
    );
  return (
    <FormDialog label="Receive" prepare={() => setRestock(true)} run={receive} done="The return is received">
      <FormControlLabel
        label="Put the units into stock"
        control={<Checkbox checked={restock} onChange={(_, isOn) => setRestock(isOn)} />}
      />
    </FormDialog>
  );
}

const paramsOf = (id_key: number, key: string) => ({ path: { id_key }, header: { "Idempotency-Key": key } });

const take = (id: number, step: Step) => () =>
  once(JSON.stringify([step, id]), (key) => unwrap(shop.POST(`/returns/{id_key}/${step}`, { params: paramsOf(id, key) })));
