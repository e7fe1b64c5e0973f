import { Button as MuiButton, Dialog, DialogActions, DialogContent, DialogTitle, TextField } from "@mui/material";
import { useState, type ReactNode } from "react";
import { Button } from "react-admin";

import { currency } from "../settings";
import { useAction } from "./useAction";

interface Props {
  label: string;
  /** The proposed amount, which is also the highest one. */
  max: number;
  run: (amount: number) => Promise<unknown>;
  done: string;
  icon?: ReactNode;
}

/** A button that asks for an amount of money. */
export function AmountDialog({ label, max, run, done, icon }: Props) {
  const [amount, setAmount] = useState<string>();
  const { act, isBusy } = useAction();
  const close = () => setAmount(undefined);
  const value = Number(amount);
  const submit = async () => {
    if (await act(() => run(value), done)) close();
  };
  return (
    <>
      <Button label={label} onClick={() => setAmount(max.toFixed(2))}>
        {icon}
      </Button>
      <Dialog open={amount !== undefined} onClose={close} aria-label={label}>
        <DialogTitle>{label}</DialogTitle>
        <DialogContent>
          <TextField
            autoFocus
            margin="dense"
            type="number"
            label={`Amount (${currency})`}
            value={amount ?? ""}
            onChange={(event) => setAmount(event.target.value)}
            slotProps={{ htmlInput: { min: 0.01, max, step: 0.01 } }}
          />
        </DialogContent>
        <DialogActions>
          <MuiButton onClick={close}>Back</MuiButton>
          <MuiButton variant="contained" disabled={isBusy || !(value > 0)} onClick={submit}>
            {label}
          </MuiButton>
        </DialogActions>
      </Dialog>
    </>
  );
}
