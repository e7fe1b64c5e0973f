import { Button, MenuItem, TextField } from "@mui/material";
import { unwrap } from "ecommerce-client";
import { useState, type FormEvent } from "react";
import { useRecordContext } from "react-admin";

import { ETAG } from "../api/dataProvider";
import { once } from "../api/idempotency";
import { shop } from "../api/shop";
import { STOCK_REASONS } from "../choices";
import { Row } from "../components/Row";
import { useAction } from "../components/useAction";

/** Units that arrive, are damaged, or have been counted. A count fails if something was sold since it was read. */
export function StockForm() {
  const product = useRecordContext();
  const [reason, setReason] = useState("received");
  const [units, setUnits] = useState("");
  const [note, setNote] = useState("");
  const { act, isBusy } = useAction();
  if (!product) return null;

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const body = { ...movement(reason, Number(units)), ...(note.trim() ? { note: note.trim() } : {}) };
    const match = reason === "counted" && product[ETAG] ? { "If-Match": product[ETAG] as string } : {};
    const send = (key: string) => {
      const params = { path: { id_key: Number(product.id) }, header: { "Idempotency-Key": key, ...match } };
      return unwrap(shop.POST("/products/{id_key}/stock_movements", { params, body: body as never }));
    };
    const request = JSON.stringify([product.id, body]);
    if (await act(() => once(request, send), "The stock is changed")) {
      setUnits("");
      setNote("");
    }
  };
  return (
    <Row component="form" sx={{ py: 1 }} onSubmit={submit}>
      <TextField select fullWidth={false} size="small" label="Reason" value={reason} onChange={(e) => setReason(e.target.value)}>
        {STOCK_REASONS.map(({ id, name }) => (
          <MenuItem key={id} value={id}>
            {name}
          </MenuItem>
        ))}
      </TextField>
      <TextField
        fullWidth={false}
        size="small"
        type="number"
        required
        label={reason === "counted" ? "Units in stock" : "Units"}
        value={units}
        onChange={(event) => setUnits(event.target.value)}
        slotProps={{ htmlInput: { min: reason === "counted" ? 0 : 1, step: 1 } }}
      />
      <TextField
        fullWidth={false}
        size="small"
        label="Note"
        value={note}
        onChange={(event) => setNote(event.target.value)}
      />
      <Button type="submit" variant="contained" disabled={isBusy}>
        Record
      </Button>
    </Row>
  );
}

function movement(reason: string, units: number) {
  if (reason === "counted") return { reason, stock: units };
  return { reason, quantity: reason === "damaged" ? -units : units };
}
