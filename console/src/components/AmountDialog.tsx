import { TextField } from "@mui/material";
import { useState, type ReactNode } from "react";

import { currency } from "../settings";
import { FormDialog } from "./FormDialog";

interface Props {
  label: string;
  /** The proposed amount, which is also the highest one. */
  max: number;
  run: (amount: number) => Promise<unknown>;
  done: string;
  icon?: ReactNode;
}

/** A button that asks for an amount of money. */
export function AmountDialog({ max, run, ...dialog }: Props) {
  const [amount, setAmount] = useState("");
  const highest = max.toFixed(2);
  return (
    <FormDialog prepare={() => setAmount(highest)} run={() => run(Number(amount))} {...dialog}>
      <TextField
        autoFocus
        required
        margin="dense"
        type="number"
        label={`Amount (${currency})`}
        value={amount}
        onChange={(event) => setAmount(event.target.value)}
        slotProps={{ htmlInput: { min: 0.01, max: highest, step: 0.01 } }}
      />
    </FormDialog>
  );
}
