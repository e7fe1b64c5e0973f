import { Button, Dialog, DialogActions, DialogContent, DialogTitle } from "@mui/material";
import { useState, type FormEvent, type ReactNode } from "react";

import { TextButton } from "./TextButton";
import { useAction } from "./useAction";

interface Props {
  label: string;
  icon?: ReactNode;
  /** Called before it opens, to fill in the form. */
  prepare: () => void;
  run: () => Promise<unknown>;
  done: string;
  /** Inputs; the browser checks their bounds. */
  children: ReactNode;
}

/** A button that opens a form, and closes it once its action has succeeded. */
export function FormDialog({ label, icon, prepare, run, done, children }: Props) {
  const [isOpen, setOpen] = useState(false);
  const { act, isBusy } = useAction();
  const open = () => {
    prepare();
    setOpen(true);
  };
  const close = () => setOpen(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (await act(run, done)) close();
  };
  return (
    <>
      <TextButton label={label} icon={icon} onClick={open} />
      <Dialog open={isOpen} onClose={close} fullWidth maxWidth="xs">
        <form onSubmit={submit}>
          <DialogTitle>{label}</DialogTitle>
          <DialogContent>{children}</DialogContent>
          <DialogActions>
            <Button onClick={close}>Back</Button>
            <Button type="submit" variant="contained" disabled={isBusy}>
              {label}
            </Button>
          </DialogActions>
        </form>
      </Dialog>
    </>
  );
}
